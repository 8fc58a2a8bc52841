import { GetServiceQuotaCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { StackSettings } from '../../../infra/settings';
import { isTickKernel, KERNEL_NAMES } from '../../../runtime/host/kernel-table';
import { explainAwsError } from '../aws-error';
import { type CheckContext, type CheckResult, fail, type Prerequisite, pass, warn } from './prerequisite';

/** Bounded, so that without a network the answer comes soon. */
const CLIENT = { maxAttempts: 2, requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000 } };

const credentials: Prerequisite = {
  name: 'AWS credentials',
  run: async ({ region }) => {
    const client = new STSClient({ ...CLIENT, region: region ?? 'us-east-1' });
    try {
      const { Account, Arn } = await client.send(new GetCallerIdentityCommand({}));
      return pass(`account ${Account}, ${Arn}`);
    } catch (error) {
      throw explainAwsError(error, 'ask AWS who this is');
    } finally {
      client.destroy();
    }
  },
};

const region: Prerequisite = {
  name: 'AWS region',
  run: async ({ region: chosen, stack }) => {
    if (chosen === undefined) {
      return fail('none', 'set aws:region in the file of the stack, or AWS_REGION');
    }
    const own = process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
    const isOther = own !== undefined && own !== '' && own !== chosen;
    return pass(isOther ? `${chosen} (of stack ${stack}; the environment's ${own} is not used)` : chosen);
  },
};

/** A quota of Service Quotas, and how much of it a deployment takes. */
interface QuotaNeed {
  readonly name: string;
  readonly service: string;
  readonly code: string;
  /** What this stack takes; none of it, and the quota is not asked for. */
  needed(settings: StackSettings | undefined): number;
  /** What to say when it takes none. Defaults to that of egress ipv6. */
  readonly nothing?: string;
  judge(value: number, needed: number): CheckResult;
}

/** Functions that run at once for the stack's own ticks, Stage-0 and what it calls. */
function concurrencyNeeded(settings: StackSettings | undefined): number {
  const OTHERS = 4;
  return KERNEL_NAMES.filter(isTickKernel).length * (settings?.functions.tickConcurrency ?? 2) + OTHERS;
}

/** Below this, a little traffic beside the ticks is throttled; new accounts start with 10. */
const COMFORTABLE_CONCURRENCY = 50;

function gatewaysOf(settings: StackSettings | undefined): number {
  if (settings?.network.egress !== 'nat') return 0;
  return settings.network.natGateways === 'per-zone' ? settings.network.zones : 1;
}

function increase(service: string, code: string): string {
  return `ask for more: aws service-quotas request-service-quota-increase --service-code ${service} --quota-code ${code} --desired-value N`;
}

/** Existing resources are not counted, so a quota that is just enough for this stack alone is worth a word. */
function judgeCount(what: string, service: string, code: string) {
  return (value: number, needed: number): CheckResult => {
    if (value < needed) return fail(`${value} ${what} allowed, ${needed} needed`, increase(service, code));
    return pass(`${value} ${what} allowed, this stack takes ${needed}; those in use are not counted`);
  };
}

/** Lambda refuses a reservation that leaves less than this to all other functions of the account (Lambda guide). */
const UNRESERVED = 100;

/** Whether Stage-0's share can be reserved at all; what other stacks have reserved is not counted. */
export function judgeReservation(value: number, reserved: number): CheckResult {
  const found = `${value} functions may run at once, ${reserved} of them reserved for Stage-0`;
  return value - reserved >= UNRESERVED
    ? pass(found)
    : fail(
        `${found}; AWS wants ${UNRESERVED} left unreserved`,
        `set logline:functions.apiConcurrency to none, or ${increase('lambda', 'L-B99A9384')}`,
      );
}

const NEEDS: readonly QuotaNeed[] = [
  {
    name: 'quota: Lambda concurrency',
    service: 'lambda',
    code: 'L-B99A9384',
    needed: concurrencyNeeded,
    judge: (value, needed) => {
      const found = `${value} functions may run at once, ${needed} needed at least`;
      if (value < needed) return fail(found, increase('lambda', 'L-B99A9384'));
      if (value < COMFORTABLE_CONCURRENCY) return warn(found, increase('lambda', 'L-B99A9384'));
      return pass(found);
    },
  },
  {
    name: 'quota: Lambda concurrency left unreserved',
    service: 'lambda',
    code: 'L-B99A9384',
    needed: (settings) => settings?.functions.apiConcurrency ?? 0,
    judge: judgeReservation,
    nothing: 'nothing is reserved',
  },
  {
    name: 'quota: VPCs',
    service: 'vpc',
    code: 'L-F678F1CE',
    needed: () => 1,
    judge: judgeCount('VPCs', 'vpc', 'L-F678F1CE'),
  },
  {
    name: 'quota: Elastic IPs',
    service: 'ec2',
    code: 'L-0263D0A3',
    needed: gatewaysOf,
    judge: judgeCount('Elastic IPs', 'ec2', 'L-0263D0A3'),
  },
];

async function checkQuota(need: QuotaNeed, { settings, region: place }: CheckContext): Promise<CheckResult> {
  const needed = need.needed(settings);
  if (needed === 0) return pass(need.nothing ?? 'none needed with egress ipv6');
  const client = new ServiceQuotasClient({ ...CLIENT, region: place ?? 'us-east-1' });
  try {
    const { Quota } = await client.send(
      new GetServiceQuotaCommand({ ServiceCode: need.service, QuotaCode: need.code }),
    );
    return Quota?.Value === undefined
      ? warn('AWS names no value', 'look it up in the console, under Service Quotas')
      : need.judge(Quota.Value, needed);
  } catch (error) {
    const explained = explainAwsError(error, `read the quota ${need.code} of ${need.service}`);
    // Deploying does not need this right.
    if (/may not/.test(explained.message)) {
      return warn(explained.message, 'allow servicequotas:GetServiceQuota, or look it up in the console');
    }
    throw explained;
  } finally {
    client.destroy();
  }
}

/** Asked first; when AWS does not answer to it, the others are not worth waiting for. */
export const IDENTITY_CHECKS: readonly Prerequisite[] = [region, credentials];

export const QUOTA_CHECKS: readonly Prerequisite[] = NEEDS.map((need) => ({
  name: need.name,
  run: (context) => checkQuota(need, context),
}));

/** Told instead of a quota when AWS cannot be asked at all. */
export function notAsked(): CheckResult {
  return fail('not asked, since AWS credentials do not work', 'see AWS credentials above');
}

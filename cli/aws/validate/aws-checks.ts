import { GetServiceQuotaCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { StackSettings } from '../../../infra/settings';
import { isTickKernel, KERNEL_NAMES } from '../../../runtime/host/kernel-table';
import { explainAwsError } from '../aws-error';
import { type CheckContext, type CheckResult, fail, type Prerequisite, pass, warn } from './prerequisite';

/** Short time-outs, so that a missing network is reported soon. */
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

/** A quota of Service Quotas, and a stack's need of it. */
interface QuotaNeed {
  readonly name: string;
  readonly service: string;
  readonly code: string;
  /** How much the stack needs; 0 skips the check. */
  needed(settings: StackSettings | undefined): number;
  /** Message for a need of 0. */
  readonly nothing: string;
  judge(value: number, needed: number): CheckResult;
}

/** Concurrent executions for the stack's ticks, Stage-0 and the kernels that Stage-0 calls. */
function concurrencyNeeded(settings: StackSettings | undefined): number {
  const OTHERS = 4;
  return KERNEL_NAMES.filter(isTickKernel).length * (settings?.functions.tickConcurrency ?? 2) + OTHERS;
}

/** With a lower quota, a little traffic besides the ticks is throttled; new accounts start with 10. */
const COMFORTABLE_CONCURRENCY = 50;

function gatewaysOf(settings: StackSettings | undefined): number {
  if (settings?.network.egress !== 'nat' || settings.network.existing !== undefined) return 0;
  return settings.network.natGateways === 'per-zone' ? settings.network.zones : 1;
}

function increase(service: string, code: string): string {
  return `ask for more: aws service-quotas request-service-quota-increase --service-code ${service} --quota-code ${code} --desired-value N`;
}

/** Warns of a quota that is just enough, because existing resources are not counted. */
function judgeCount(what: string, service: string, code: string) {
  return (value: number, needed: number): CheckResult => {
    if (value < needed) return fail(`${value} ${what} allowed, ${needed} needed`, increase(service, code));
    return pass(`${value} ${what} allowed, this stack takes ${needed}; those in use are not counted`);
  };
}

/** Concurrency that must stay unreserved in the account (Lambda guide). */
const UNRESERVED = 100;

/** Whether Stage-0's concurrency can be reserved; reservations of other stacks are not counted. */
function judgeReservation(value: number, reserved: number): CheckResult {
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
    nothing: 'none needed',
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
    needed: (settings) => (settings?.network.existing === undefined ? 1 : 0),
    nothing: 'none needed, the stack goes into one that is there',
    judge: judgeCount('VPCs', 'vpc', 'L-F678F1CE'),
  },
  {
    name: 'quota: Elastic IPs',
    service: 'ec2',
    code: 'L-0263D0A3',
    needed: gatewaysOf,
    nothing: 'none needed without NAT gateways of its own',
    judge: judgeCount('Elastic IPs', 'ec2', 'L-0263D0A3'),
  },
];

async function checkQuota(need: QuotaNeed, { settings, region: place }: CheckContext): Promise<CheckResult> {
  const needed = need.needed(settings);
  if (needed === 0) return pass(need.nothing);
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
    // A deployment does not need this permission, so its absence is no failure.
    if (/may not/.test(explained.message)) {
      return warn(explained.message, 'allow servicequotas:GetServiceQuota, or look it up in the console');
    }
    throw explained;
  } finally {
    client.destroy();
  }
}

/** Checked first: when these fail, the other AWS checks are skipped. */
export const IDENTITY_CHECKS: readonly Prerequisite[] = [region, credentials];

/** One check for each quota. */
export const QUOTA_CHECKS: readonly Prerequisite[] = NEEDS.map((need) => ({
  name: need.name,
  run: (context) => checkQuota(need, context),
}));

/** Result of a check that was skipped because AWS does not answer. */
export function notAsked(): CheckResult {
  return fail('not asked, since AWS credentials do not work', 'see AWS credentials above');
}

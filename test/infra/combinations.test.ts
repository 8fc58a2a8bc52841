import assert from 'node:assert/strict';
import { costOf, costTable } from '../../cli/cost/cost-report';
import { dryRun } from '../../infra/dry-run';
import { OWN_ENVIRONMENT_BYTES } from '../../infra/environment-size';
import { deployPolicy, unknownTypes } from '../../infra/role-policies';
import { readEnvironment } from '../../runtime/lambda/environment';
import { FUNCTION } from './access-rules';
import { COMBINATIONS } from './combinations';
import { at, listOf, ofType, recordOf, type Stack, type Subject, stackOf, textsOf } from './subject';

/** Characters of all inline policies of a role, and of its trust policy (IAM user guide, "IAM and AWS STS quotas"). */
const INLINE_POLICY_CHARACTERS = 10_240;
const TRUST_POLICY_CHARACTERS = 2_048;
/** Texts of the configuration, which `environment-size.ts` counts apart. */
const CONFIGURED = /^LOGLINE_(OIDC_|ORIGIN|CORS_|WITNESS)/;

describe('any settings together', function () {
  this.timeout(300_000);
  for (const [title, options] of Object.entries(COMBINATIONS)) {
    describe(`such as ${title}`, () => {
      let stack: Stack;
      before(async () => {
        stack = await stackOf(title, await dryRun(options));
      });

      it('give every function the environment that the runtime requires', () => {
        for (const { inputs } of ofType(stack, FUNCTION))
          assert.doesNotThrow(() => readEnvironment(variablesOf(inputs)), String(inputs.name));
      });

      it('let every function read exactly the secrets that its environment names', () => {
        for (const item of ofType(stack, FUNCTION)) {
          const told = JSON.stringify(variablesOf(item.inputs)).match(SECRET) ?? [];
          assert.deepEqual(unique(secretsReadBy(stack, item)), unique(told), item.name);
        }
      });

      it('start as many copies of a scheduled kernel as they say', () => {
        const { tickConcurrency = 2 } = recordOf(recordOf(options.config)['logline:functions']);
        const sources = ofType(stack, 'aws:lambda/eventSourceMapping:EventSourceMapping');
        assert.ok(sources.length > 0);
        for (const { name, inputs } of sources)
          assert.equal(at(inputs, 'scalingConfig.maximumConcurrency'), tickConcurrency, name);
      });

      it("leave room in a function's environment for the configuration", () => {
        for (const { name, inputs } of ofType(stack, FUNCTION)) {
          const own = Object.entries(variablesOf(inputs)).filter(([key]) => !CONFIGURED.test(key));
          const keys = Object.keys(variablesOf(inputs)).join().length;
          const bytes = asLong(JSON.stringify(Object.fromEntries(own)), options.stack).length + keys;
          assert.ok(bytes <= OWN_ENVIRONMENT_BYTES, `${name}: ${bytes} bytes`);
        }
      });

      it('make no policy longer than a role may have', () => {
        for (const { inputs } of ofType(stack, 'aws:iam/role:Role')) {
          assert.ok(String(inputs.assumeRolePolicy).length <= TRUST_POLICY_CHARACTERS, String(inputs.name));
          const inline = ofType(stack, 'aws:iam/rolePolicy:RolePolicy')
            .filter((policy) => policy.inputs.role === inputs.name)
            .map((policy) => asLong(String(policy.inputs.policy), options.stack))
            .join('');
          assert.ok(
            inline.length > 0 && inline.length <= INLINE_POLICY_CHARACTERS,
            `${inputs.name}: ${inline.length}`,
          );
        }
      });

      it('use IPv6 of subnets only where these have it', () => {
        const { vpcId, egress } = recordOf(options.config?.['logline:network']);
        for (const { inputs } of ofType(stack, FUNCTION))
          assert.equal(
            at(inputs, 'vpcConfig.ipv6AllowedForDualStack'),
            vpcId === undefined || egress !== 'nat',
          );
      });

      it('have a price, and deploy policies', () => {
        const types = stack.resources.filter(({ custom }) => custom).map(({ type }) => type);
        assert.deepEqual(unknownTypes(types), []);
        const report = costOf(options.stack, stack.resources);
        assert.deepEqual(report.unpriced, [], costTable(report));
      });

      it('name buckets and roles as the deploy policy allows', () => {
        const region = String(options.config?.['aws:region'] ?? 'us-east-1');
        const scope = { project: 'logline', stack: options.stack, region, partition: 'aws' };
        const types = stack.resources.filter(({ custom }) => custom).map(({ type }) => type);
        const allowed = deployPolicy(types, scope)
          .Statement.filter(({ Effect }) => Effect === 'Allow')
          .flatMap(({ Resource }) => Resource)
          .filter((arn) => arn !== '*');
        const isAllowed = (arn: string) =>
          allowed.some((one) => new RegExp(`^${one.replaceAll('*', '.*')}$`).test(arn));
        for (const { inputs } of ofType(stack, 'aws:s3/bucket:Bucket'))
          assert.ok(isAllowed(`arn:aws:s3:::${inputs.bucketPrefix}0123`), String(inputs.bucketPrefix));
        const roles = ofType(stack, 'aws:iam/role:Role');
        assert.ok(roles.length > 0);
        for (const { inputs } of roles)
          assert.ok(isAllowed(`arn:aws:iam::123456789012:role/${inputs.name}`), String(inputs.name));
        assert.ok(!isAllowed(`arn:aws:iam::123456789012:role/logline-${options.stack}-deploy`));
      });
    });
  }
});

const SECRET = /arn:[\w-]+:secretsmanager:[^"\\]+/g;

function variablesOf(inputs: unknown): Record<string, string> {
  const variables = recordOf(at(inputs, 'environment.variables'));
  return Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, String(value)]));
}

function secretsReadBy(stack: Stack, item: Subject): string[] {
  return ofType(stack, 'aws:iam/rolePolicy:RolePolicy')
    .filter(({ inputs }) => String(item.inputs.role).endsWith(`:${inputs.role}`))
    .flatMap(({ inputs }) => listOf(at(JSON.parse(String(inputs.policy)), 'Statement')))
    .filter((statement) => textsOf(at(statement, 'Action')).includes('secretsmanager:GetSecretValue'))
    .flatMap((statement) => textsOf(at(statement, 'Resource')));
}

function unique(texts: Iterable<string>): string[] {
  return [...new Set(texts)].sort();
}

/** ARNs of secrets and keys, and hosts, as long as AWS makes them; those of the stand-in are shorter. */
function asLong(text: string, stack: string): string {
  return text
    .replaceAll(/:secret:([\w-]+)/g, `:secret:logline-${stack}-$1-${'0'.repeat(26)}-AbCdEf`)
    .replaceAll(/(:kms:[\w-]+:\d+:)[\w-]+/g, `$1key/${'0'.repeat(36)}`)
    .replaceAll('example', 'c0123456789ab');
}

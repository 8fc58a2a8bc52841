import assert from 'node:assert/strict';
import { deployPolicy, type PolicyDocument, previewPolicy, unknownTypes } from '../../infra/role-policies';
import { loadRun, STACKS } from './subject';

/** Characters, white space apart, of one managed policy (IAM user guide, "IAM and AWS STS quotas"). */
const MANAGED_POLICY_CHARACTERS = 6_144;
const MANAGED_POLICIES_OF_A_ROLE = 10;

const SCOPE = { project: 'logline', stack: 'dev', region: 'us-east-1', partition: 'aws' };

describe('the policies of the roles around a stack', function () {
  this.timeout(240_000);
  let types: string[];
  let deploy: PolicyDocument;
  let preview: PolicyDocument;

  before(async () => {
    const runs = await Promise.all(Object.keys(STACKS).map(loadRun));
    types = runs.flatMap(({ resources }) => resources.filter(({ custom }) => custom).map(({ type }) => type));
    deploy = deployPolicy(types, SCOPE);
    preview = previewPolicy(types, SCOPE);
  });

  it('know every type of resource that any stack registers', () => {
    assert.deepEqual(unknownTypes(types), []);
    assert.throws(() => deployPolicy(['aws:elasticache/cluster:Cluster'], SCOPE), RangeError);
  });

  it('deny reading secrets to previews, and the passwords and the seed to deployments', () => {
    const denied = (policy: PolicyDocument) => policy.Statement.filter(({ Effect }) => Effect === 'Deny');
    assert.deepEqual(denied(preview)[0]?.Resource, ['*']);
    assert.ok(denied(preview)[0]?.Action.includes('secretsmanager:GetSecretValue'));
    assert.ok(denied(deploy)[0]?.Resource.some((arn) => arn.includes('secrets-signing-key')));
    assert.ok(denied(deploy)[0]?.Resource.some((arn) => arn.includes('secret:rds!')));
  });

  it('let previews change nothing', () => {
    const verbs = preview.Statement.filter(({ Effect }) => Effect === 'Allow')
      .flatMap(({ Action }) => Action)
      .filter((action) => !/^\w+:(Get|List|Describe|GET$)/.test(action));
    assert.deepEqual(verbs, []);
  });

  it('allow no wildcard of actions, and every resource only within the region', () => {
    for (const { Sid, Effect, Action, Resource, Condition } of [...deploy.Statement, ...preview.Statement]) {
      if (Effect === 'Deny') continue;
      assert.ok(
        Action.every((action) => !action.includes('*')),
        Sid,
      );
      if (Resource.includes('*')) {
        assert.equal(Condition?.StringEquals?.['aws:RequestedRegion'], 'us-east-1', Sid);
      }
    }
  });

  it('use keys only in the regions of the stack and of its copies', () => {
    for (const copyRegion of [undefined, 'eu-west-1']) {
      const used = deployPolicy(types, { ...SCOPE, ...(copyRegion === undefined ? {} : { copyRegion }) })
        .Statement.filter(({ Effect }) => Effect === 'Allow')
        .flatMap(({ Resource }) => Resource)
        .flatMap((arn) => arn.match(/:kms:([^:]*):[^:]*:key/)?.[1] ?? []);
      assert.deepEqual(
        [...new Set(used)].sort(),
        copyRegion === undefined ? [SCOPE.region] : [copyRegion, SCOPE.region],
      );
    }
  });

  it('touch roles, functions, databases and secrets of this stack only', () => {
    const foreign = deploy.Statement.filter(({ Effect }) => Effect === 'Allow')
      .flatMap(({ Resource }) => Resource)
      .filter((arn) => /:(iam|lambda|rds|sqs|secretsmanager|logs|sns):/.test(arn))
      // Groups that AWS itself has for who names none.
      .filter((arn) => !/logline-dev|secret:rds!|aws-service-role|:(og|pg):default/.test(arn));
    assert.deepEqual(foreign, []);
  });

  it('let deployments change no role but those of the functions, such as their own', () => {
    const roles = deploy.Statement.flatMap(({ Resource }) => Resource).filter((arn) =>
      arn.includes(':role/'),
    );
    assert.deepEqual(
      [...new Set(roles)].filter(
        (arn) => !/role\/(logline-dev-us-east-1-\*|aws-service-role\/\*)$/.test(arn),
      ),
      [],
    );
  });

  it('show previews no distribution, whose header is a secret', () => {
    const allowed = (policy: PolicyDocument) =>
      policy.Statement.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action }) => Action);
    assert.ok(!allowed(preview).some((action) => /^cloudfront:Get/.test(action)));
    assert.ok(allowed(deploy).includes('cloudfront:GetDistribution'));
  });

  it('let deployments use keys through a service only, and decrypt nothing else', () => {
    for (const { Sid, Action, Condition } of deploy.Statement)
      if (Action.some((action) => /^kms:(Decrypt|GenerateDataKey)/.test(action)))
        assert.match(JSON.stringify(Condition), /"kms:ViaService":\["(rds|secretsmanager|backup)\./, Sid);
  });

  it('go around the lock of checkpoints only where the stack is not protected', () => {
    const bypass = (policy: PolicyDocument) =>
      JSON.stringify(policy).includes('s3:BypassGovernanceRetention');
    assert.equal(bypass(deploy), true);
    assert.equal(bypass(deployPolicy(types, { ...SCOPE, protect: true })), false);
    assert.equal(bypass(preview), false);
  });

  it('write records into the zone of the stack alone', () => {
    const zones = deployPolicy(types, { ...SCOPE, zoneId: 'Z0123456789' })
      .Statement.flatMap(({ Resource }) => Resource)
      .filter((arn) => arn.includes('hostedzone'));
    assert.deepEqual(zones, ['arn:aws:route53:::hostedzone/Z0123456789']);
  });

  it('fit into the managed policies that a role may have', () => {
    const characters = JSON.stringify(deploy).replaceAll(/\s/g, '').length;
    assert.ok(characters < MANAGED_POLICY_CHARACTERS * MANAGED_POLICIES_OF_A_ROLE, String(characters));
  });
});

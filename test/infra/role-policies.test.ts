import { strict as assert } from 'node:assert';
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

  it('touch roles, functions, databases and secrets of this stack only', () => {
    const foreign = deploy.Statement.filter(({ Effect }) => Effect === 'Allow')
      .flatMap(({ Resource }) => Resource)
      .filter((arn) => /:(iam|lambda|rds|sqs|secretsmanager|logs|sns):/.test(arn))
      .filter((arn) => !/logline-dev|secret:rds!|aws-service-role/.test(arn));
    assert.deepEqual(foreign, []);
  });

  it('fit into the managed policies that a role may have', () => {
    const characters = JSON.stringify(deploy).replaceAll(/\s/g, '').length;
    assert.ok(characters < MANAGED_POLICY_CHARACTERS * MANAGED_POLICIES_OF_A_ROLE, String(characters));
  });
});

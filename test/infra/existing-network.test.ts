import assert from 'node:assert/strict';
import { type DryRun, dryRun, readStackFile } from '../../infra/dry-run';
import { at, type Inputs } from './subject';

const VPC = 'vpc-0123456789abcdef0';
const SUBNETS = ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'];

describe('a stack in an existing VPC', function () {
  this.timeout(60_000);
  let run: DryRun;
  before(async () => {
    const network = { vpcId: VPC, subnetIds: SUBNETS };
    run = await dryRun({ stack: 'dev', config: { ...readStackFile('dev'), 'logline:network': network } });
  });
  const inputsOf = (type: string): readonly Inputs[] =>
    run.resources.filter((resource) => resource.type === type).map(({ inputs }) => inputs);

  it('makes nothing of a network but the two security groups and their rules', () => {
    const types = new Set(
      run.resources.map(({ type }) => type).filter((type) => /^aws:(ec2|vpc)\//.test(type)),
    );
    assert.deepEqual([...types].sort(), [
      'aws:ec2/securityGroup:SecurityGroup',
      'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule',
      'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule',
    ]);
    assert.deepEqual(
      inputsOf('aws:ec2/securityGroup:SecurityGroup').map(({ vpcId }) => vpcId),
      [VPC, VPC],
    );
  });

  it('puts database and functions into its subnets', () => {
    assert.deepEqual(inputsOf('aws:rds/subnetGroup:SubnetGroup')[0]?.subnetIds, SUBNETS);
    const functions = inputsOf('aws:lambda/function:Function');
    assert.ok(functions.length > 5);
    for (const { vpcConfig } of functions) assert.deepEqual(at(vpcConfig, 'subnetIds'), SUBNETS);
  });
});

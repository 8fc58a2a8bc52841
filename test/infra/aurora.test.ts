import assert from 'node:assert/strict';
import { costOf, costTable } from '../../cli/cost/cost-report';
import { dryRun, readStackFile } from '../../infra/dry-run';
import { at, listOf, ofType, recordOf, type Stack, stackOf, the } from './subject';

const CLUSTER = 'aws:rds/cluster:Cluster';
const MEMBER = 'aws:rds/clusterInstance:ClusterInstance';

async function stackWith(database: Record<string, unknown>): Promise<Stack> {
  const config = { ...readStackFile('dev'), 'logline:database': { engine: 'aurora', ...database } };
  return stackOf('dev on aurora', await dryRun({ stack: 'dev', config }));
}

describe('a stack on Aurora', function () {
  this.timeout(240_000);
  let readers: Stack;
  let serverless: Stack;
  before(async () => {
    readers = await stackWith({ instanceClass: 'db.r7g.large', readers: 2, ioOptimized: true });
    serverless = await stackWith({ serverless: { minAcu: 0.5, maxAcu: 4 } });
  });

  it('has a cluster in place of the instance, as private, encrypted, backed up and without a password', () => {
    assert.equal(ofType(readers, 'aws:rds/instance:Instance').length, 0);
    const { inputs } = the(readers, CLUSTER, 'database');
    assert.deepEqual(
      [inputs.engine, inputs.engineVersion, inputs.storageEncrypted, inputs.manageMasterUserPassword],
      ['aurora-postgresql', '17', true, true],
    );
    assert.equal(inputs.masterPassword, undefined);
    assert.equal(inputs.storageType, 'aurora-iopt1');
    assert.ok(Number(inputs.backupRetentionPeriod) >= 1);
    assert.ok(ofType(readers, MEMBER).every((member) => member.inputs.publiclyAccessible === false));
  });

  it('has a writer and the readers, and every function has the reader endpoint', () => {
    assert.equal(ofType(readers, MEMBER).length, 3);
    const told = (stack: Stack) =>
      ofType(stack, 'aws:lambda/function:Function').map(
        ({ inputs }) => recordOf(at(inputs, 'environment.variables')).LOGLINE_DATABASE_READ_HOST,
      );
    assert.ok(told(readers).every((host) => String(host).includes('.cluster-ro-')));
    assert.ok(told(serverless).every((host) => host === undefined));
  });

  it('has the same settings of the server, in the parameter group of the cluster', () => {
    const group = the(readers, 'aws:rds/clusterParameterGroup:ClusterParameterGroup', 'database');
    assert.equal(group.inputs.family, 'aurora-postgresql17');
    const names = listOf(group.inputs.parameters).map((item) => at(item, 'name'));
    assert.ok(names.includes('rds.force_ssl') && names.includes('max_connections'));
  });

  it('scales between the units that it was given', () => {
    const { inputs } = the(serverless, CLUSTER, 'database');
    assert.deepEqual(inputs.serverlessv2ScalingConfiguration, { minCapacity: 0.5, maxCapacity: 4 });
    assert.ok(ofType(serverless, MEMBER).every((member) => member.inputs.instanceClass === 'db.serverless'));
  });

  it('watches how far readers are behind', () => {
    const lag = (stack: Stack) =>
      ofType(stack, 'aws:cloudwatch/metricAlarm:MetricAlarm').filter(
        ({ inputs }) => inputs.metricName === 'AuroraReplicaLagMaximum',
      ).length;
    assert.deepEqual([lag(readers), lag(serverless)], [1, 0]);
  });

  it('has the outputs of every stack', () => {
    for (const key of ['apiEndpoint', 'databaseEndpoint', 'databaseName', 'publicKeyHex']) {
      assert.ok(readers.outputs[key], key);
    }
  });

  it('is priced, each member and the least capacity, and more with optimised I/O', () => {
    const usd = (stack: Stack) => {
      const report = costOf('dev', stack.resources);
      assert.deepEqual(report.unpriced, [], costTable(report));
      return report.totalUsd;
    };
    // Three times $0.276 an hour and 30 % for the I/O; half a unit at $0.12.
    assert.ok(usd(readers) > 3 * 0.276 * 1.3 * 730);
    assert.ok(usd(serverless) > 0.5 * 0.12 * 730 && usd(serverless) < 100);
  });
});

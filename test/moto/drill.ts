/** The restore drill of docs/operations.md: what `backup --stack` prints, run by the AWS CLI against moto. */

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { beginSnapshot } from '../../cli/aws/snapshot-stack';
import { parseSettings } from '../../infra/settings';
import { freePort } from '../../local/free-port';
import { until } from '../support/until';

const run = promisify(execFile);

const SERVER = '--engine-version 17 --master-username logline_owner --master-user-password of-a-drill';
const PLACE = '--db-subnet-group-name subnets --vpc-security-group-ids sg-12345678';
/** What a stack has, as far as moto can make it. */
const ENGINES = {
  RDS: {
    database: {},
    setUp: `aws rds create-db-parameter-group --db-parameter-group-name parameters --db-parameter-group-family postgres17 --description x
      aws rds create-db-instance --db-instance-identifier logline-dev-db --engine postgres --db-instance-class db.t4g.micro --allocated-storage 20 --db-parameter-group-name parameters ${SERVER} ${PLACE}`,
    databases: 'aws rds describe-db-instances --query DBInstances[].DBInstanceIdentifier --output text',
    snapshots:
      'aws rds describe-db-snapshots --snapshot-type manual --query DBSnapshots[].DBSnapshotIdentifier --output text',
  },
  Aurora: {
    database: { engine: 'aurora', serverless: { minAcu: 0.5, maxAcu: 4 } },
    setUp: `aws rds create-db-cluster-parameter-group --db-cluster-parameter-group-name parameters --db-parameter-group-family aurora-postgresql17 --description x
      aws rds create-db-cluster --db-cluster-identifier logline-dev-db --engine aurora-postgresql --db-cluster-parameter-group-name parameters ${SERVER} ${PLACE}`,
    databases: 'aws rds describe-db-clusters --query DBClusters[].DBClusterIdentifier --output text',
    snapshots:
      'aws rds describe-db-cluster-snapshots --snapshot-type manual --query DBClusterSnapshots[].DBClusterSnapshotIdentifier --output text',
  },
} as const;

/** @param pythonOf has moto and the AWS CLI; known once tests run */
export function describeDrills(pythonOf: () => string): void {
  for (const [engine, { database, setUp, databases, snapshots }] of Object.entries(ENGINES)) {
    describe(`a restore drill on ${engine}, by the lines that backup --stack prints`, function () {
      this.timeout(300_000);
      const environmentBefore = { ...process.env };
      let server: ChildProcess;
      const aws = async (commands: string): Promise<string> => {
        // Version 1 of the AWS CLI asks RDS itself in us-east-1, whatever the environment says.
        const script = `set -e\naws() { '${pythonOf()}' -m awscli --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }\n${commands}`;
        return (await run('bash', ['-c', script])).stdout.trim();
      };
      before(async () => {
        const port = await freePort();
        server = spawn(pythonOf(), ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
          stdio: 'ignore',
        });
        const url = `http://127.0.0.1:${port}`;
        Object.assign(process.env, {
          AWS_ENDPOINT_URL: url,
          AWS_ACCESS_KEY_ID: 'none',
          AWS_SECRET_ACCESS_KEY: 'none',
          AWS_DEFAULT_REGION: 'us-east-1',
          AWS_EC2_METADATA_DISABLED: 'true',
          AWS_PAGER: '',
        });
        await until('moto answers', () => fetch(url).then(Boolean, () => false));
        await aws(`
          vpc=$(aws ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId --output text)
          subnet=$(aws ec2 create-subnet --vpc-id $vpc --cidr-block 10.0.0.0/24 --query Subnet.SubnetId --output text)
          aws rds create-db-subnet-group --db-subnet-group-name subnets --db-subnet-group-description x --subnet-ids $subnet
          ${setUp}`);
      });
      after(async () => {
        for (const name of Object.keys(process.env))
          if (environmentBefore[name] === undefined) delete process.env[name];
        Object.assign(process.env, environmentBefore);
        server?.kill();
        if (server?.exitCode === null) await once(server, 'exit');
      });

      it('restores the snapshot to a second database, and deletes everything afterwards', async () => {
        const settings = parseSettings({
          project: 'logline',
          stack: 'dev',
          region: 'us-east-1',
          values: { database },
        });
        const { snapshot, restored, wait, restore, available, remove } = await beginSnapshot(settings);
        assert.equal(await aws(snapshots), snapshot);
        await aws([wait, restore, available].join('\n'));
        assert.deepEqual((await aws(databases)).split(/\s+/).sort(), ['logline-dev-db', restored]);
        await aws(remove);
        assert.deepEqual([await aws(databases), await aws(snapshots)], ['logline-dev-db', '']);
      });
    });
  }
}

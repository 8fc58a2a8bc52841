import { Names } from '../../infra/names';
import type { StackSettings } from '../../infra/settings';
import { OperatorError } from '../../local/operator-error';
import { explainAwsError } from './aws-error';
import { callRds, RdsFault, textIn, textsIn } from './rds-api';
import { stackSettings } from './stack-file';

/** Names that RDS uses for instances and clusters. */
interface Kind {
  readonly describe: string;
  readonly create: string;
  readonly identifier: string;
  readonly snapshotIdentifier: string;
  readonly subnetGroup: string;
  readonly parameterGroup: string;
  /** Command of the AWS CLI that waits for the snapshot. */
  readonly wait: string;
}

const KINDS: Readonly<Record<StackSettings['database']['engine'], Kind>> = {
  rds: {
    describe: 'DescribeDBInstances',
    create: 'CreateDBSnapshot',
    identifier: 'DBInstanceIdentifier',
    snapshotIdentifier: 'DBSnapshotIdentifier',
    subnetGroup: 'DBSubnetGroupName',
    parameterGroup: 'DBParameterGroupName',
    wait: 'db-snapshot-available --db-snapshot-identifier',
  },
  aurora: {
    describe: 'DescribeDBClusters',
    create: 'CreateDBClusterSnapshot',
    identifier: 'DBClusterIdentifier',
    snapshotIdentifier: 'DBClusterSnapshotIdentifier',
    subnetGroup: 'DBSubnetGroup',
    parameterGroup: 'DBClusterParameterGroup',
    wait: 'db-cluster-snapshot-available --db-cluster-snapshot-identifier',
  },
};

/**
 * Starts a snapshot of a stack's database, which is kept until it is deleted, and prints how to restore from it. Returns
 * once RDS has begun; the snapshot holds the data of that time.
 * @throws OperatorError when the stack has no database, or AWS refuses
 */
export async function snapshotStack(stack: string, json: boolean): Promise<void> {
  const settings = stackSettings(stack);
  const kind = KINDS[settings.database.engine];
  const database = new Names(settings).of('database', 'db');
  const snapshot = `${new Names(settings).of('snapshot', 'by-hand')}-${timeOf(new Date())}`;
  const ask = (action: string, params: Readonly<Record<string, string>>) =>
    callRds(settings.region, action, { [kind.identifier]: database, ...params }).catch((error: unknown) => {
      throw refusal(error, settings, database);
    });
  const found = await ask(kind.describe, {});
  const made = await ask(kind.create, { [kind.snapshotIdentifier]: snapshot });
  const restore = restoreCommand(settings, kind, { snapshot, database, found });
  const wait = `aws rds wait ${kind.wait} ${snapshot} --region ${settings.region}`;
  if (json) {
    const status = textIn(made, 'Status') ?? 'creating';
    process.stdout.write(`${JSON.stringify({ snapshot, database, status, wait, restore })}\n`);
    return;
  }
  process.stdout.write(
    `snapshot ${snapshot} of ${database} is begun; it holds this moment, and stays until somebody deletes it.
It can be used when this ends:

  ${wait}

Into a new database, beside the old one:

  ${restore}

What comes then is in docs/operations.md, under "Back up and restore". The signing key is not in it: it stays in Secrets
Manager.
`,
  );
}

function timeOf(now: Date): string {
  return now.toISOString().slice(0, 19).replace(/[-:]/g, '').toLowerCase();
}

interface Found {
  readonly snapshot: string;
  readonly database: string;
  /** RDS's description of the database, XML. */
  readonly found: string;
}

/** Restores into the old database's subnets and security group, so that only the functions reach it. */
function restoreCommand(settings: StackSettings, kind: Kind, { snapshot, database, found }: Found): string {
  const groups = textsIn(found, 'VpcSecurityGroupId').join(' ');
  const subnets = textIn(found, kind.subnetGroup) ?? '';
  const parameters = textIn(found, kind.parameterGroup) ?? '';
  const restored = `${database}-restored`;
  const place = `--db-subnet-group-name ${subnets} --vpc-security-group-ids ${groups} --region ${settings.region}`;
  return settings.database.engine === 'rds'
    ? `aws rds restore-db-instance-from-db-snapshot --db-snapshot-identifier ${snapshot} --db-instance-identifier ${restored} --db-instance-class ${settings.database.instanceClass} --db-parameter-group-name ${parameters} --no-publicly-accessible ${place}`
    : `aws rds restore-db-cluster-from-snapshot --snapshot-identifier ${snapshot} --db-cluster-identifier ${restored} --engine aurora-postgresql --db-cluster-parameter-group-name ${parameters} ${place} && aws rds create-db-instance --db-cluster-identifier ${restored} --db-instance-identifier ${restored}-0 --engine aurora-postgresql --db-instance-class ${settings.database.instanceClass} --region ${settings.region}`;
}

function refusal(error: unknown, { stack, region }: StackSettings, database: string): OperatorError {
  if (error instanceof OperatorError) return error;
  if (error instanceof RdsFault) {
    if (/^DB(Instance|Cluster)NotFound(Fault)?$/.test(error.name)) {
      return new OperatorError(
        `stack "${stack}" has no database in ${region} (there is no ${database}); run npx logline deploy --stack ${stack}`,
        { cause: error },
      );
    }
    if (/^InvalidDB(Instance|Cluster)State(Fault)?$/.test(error.name)) {
      return new OperatorError(`${database} cannot be backed up just now: ${error.message}; try again`, {
        cause: error,
      });
    }
  }
  return explainAwsError(error, `make a snapshot of ${database}`);
}

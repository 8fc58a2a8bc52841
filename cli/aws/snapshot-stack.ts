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

/** A snapshot that RDS has begun, and the commands of the AWS CLI that a restore drill runs, one line each. */
export interface BegunSnapshot {
  readonly snapshot: string;
  readonly database: string;
  readonly status: string;
  /** Name of the database that `restore` makes. */
  readonly restored: string;
  /** Ends when the snapshot can be used. */
  readonly wait: string;
  /** Makes a new database of it, beside the old one. */
  readonly restore: string;
  /** Ends when that database answers. */
  readonly available: string;
  /** Deletes that database and the snapshot. */
  readonly remove: string;
}

/**
 * Starts a snapshot of a stack's database, which is kept until it is deleted, and prints how to restore from it. Returns
 * once RDS has begun; the snapshot holds the data of that time.
 * @throws OperatorError when the stack has no database, or AWS refuses
 */
export async function snapshotStack(stack: string, json: boolean): Promise<void> {
  const begun = await beginSnapshot(stackSettings(stack));
  const { snapshot, database, wait, restore, available, remove } = begun;
  process.stdout.write(
    json
      ? `${JSON.stringify(begun)}\n`
      : `snapshot ${snapshot} of ${database} is begun; it holds this moment, and stays until somebody deletes it.
It can be used when this ends:

  ${wait}

Into a new database, beside the old one, and until it answers:

  ${restore}
  ${available}

What comes then is in docs/operations.md, under "Back up and restore". The signing key is not in it: it stays in Secrets
Manager. To delete the new database and the snapshot:

  ${remove}
`,
  );
}

/** @throws OperatorError when the stack has no database, or AWS refuses */
export async function beginSnapshot(settings: StackSettings): Promise<BegunSnapshot> {
  const kind = KINDS[settings.database.engine];
  const database = new Names(settings).of('database', 'db');
  const snapshot = `${new Names(settings).of('snapshot', 'by-hand')}-${timeOf(new Date())}`;
  const ask = (action: string, params: Readonly<Record<string, string>>) =>
    callRds(settings.region, action, { [kind.identifier]: database, ...params }).catch((error: unknown) => {
      throw refusal(error, settings, database);
    });
  const found = await ask(kind.describe, {});
  const made = await ask(kind.create, { [kind.snapshotIdentifier]: snapshot });
  const status = textIn(made, 'Status') ?? 'creating';
  return { snapshot, database, status, ...drillCommands(settings, kind, { snapshot, database, found }) };
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

type Drill = Pick<BegunSnapshot, 'restored' | 'wait' | 'restore' | 'available' | 'remove'>;

/** What the commands of a drill are made of. */
interface DrillParts {
  /** A command of the AWS CLI for RDS in the stack's region. */
  readonly rds: (command: string) => string;
  readonly settings: StackSettings['database'];
  readonly snapshot: string;
  readonly restored: string;
  readonly parameters: string;
  /** The old database's subnets and security group, so that only the functions reach the new one. */
  readonly place: string;
}

function drillCommands(settings: StackSettings, kind: Kind, { snapshot, database, found }: Found): Drill {
  const rds = (command: string) => `aws rds ${command} --region ${settings.region}`;
  const groups = textsIn(found, 'VpcSecurityGroupId').join(' ');
  const subnets = textIn(found, kind.subnetGroup) ?? '';
  const restored = `${database}-restored`;
  const parts = {
    rds,
    settings: settings.database,
    snapshot,
    restored,
    parameters: textIn(found, kind.parameterGroup) ?? '',
    place: `--db-subnet-group-name ${subnets} --vpc-security-group-ids ${groups}`,
  };
  const commands = settings.database.engine === 'rds' ? instanceCommands(parts) : clusterCommands(parts);
  return { restored, wait: rds(`wait ${kind.wait} ${snapshot}`), ...commands };
}

function instanceCommands(parts: DrillParts): Omit<Drill, 'restored' | 'wait'> {
  const { rds, settings, snapshot, restored, parameters, place } = parts;
  const own = `--db-instance-identifier ${restored}`;
  return {
    restore: rds(
      `restore-db-instance-from-db-snapshot --db-snapshot-identifier ${snapshot} ${own} --db-instance-class ${settings.instanceClass} --db-parameter-group-name ${parameters} --no-publicly-accessible ${place}`,
    ),
    available: rds(`wait db-instance-available ${own}`),
    remove: [
      rds(`delete-db-instance ${own} --skip-final-snapshot`),
      rds(`wait db-instance-deleted ${own}`),
      rds(`delete-db-snapshot --db-snapshot-identifier ${snapshot}`),
    ].join(' && '),
  };
}

function clusterCommands(parts: DrillParts): Omit<Drill, 'restored' | 'wait'> {
  const { rds, settings, snapshot, restored, parameters, place } = parts;
  const { instanceClass, serverless } = settings;
  const cluster = `--db-cluster-identifier ${restored}`;
  const member = `--db-instance-identifier ${restored}-0`;
  // Without it RDS makes no member of class db.serverless.
  const capacity =
    serverless === undefined
      ? ''
      : ` --serverless-v2-scaling-configuration MinCapacity=${serverless.minAcu},MaxCapacity=${serverless.maxAcu}`;
  return {
    restore: [
      rds(
        `restore-db-cluster-from-snapshot --snapshot-identifier ${snapshot} ${cluster} --engine aurora-postgresql --db-cluster-parameter-group-name ${parameters} ${place}${capacity}`,
      ),
      rds(
        `create-db-instance ${cluster} ${member} --engine aurora-postgresql --db-instance-class ${instanceClass} --no-publicly-accessible`,
      ),
    ].join(' && '),
    available: rds(`wait db-instance-available ${member}`),
    remove: [
      rds(`delete-db-instance ${member}`),
      rds(`wait db-instance-deleted ${member}`),
      rds(`delete-db-cluster ${cluster} --skip-final-snapshot`),
      rds(`wait db-cluster-deleted ${cluster}`),
      rds(`delete-db-cluster-snapshot --db-cluster-snapshot-identifier ${snapshot}`),
    ].join(' && '),
  };
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

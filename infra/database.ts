import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import * as random from '@pulumi/random';
import type { DatabaseSettings } from './database-settings';
import type { Names } from './names';
import { CERTIFICATE_AUTHORITY } from './rds-certificates';
import { OWNER_ROLE } from './secrets';

/** Arguments of {@link Database}. */
export interface DatabaseArgs {
  /** Makes the names of AWS resources. */
  readonly names: Names;
  /** The group `database`. */
  readonly settings: DatabaseSettings;
  /** Private subnets, in two zones or more. */
  readonly subnetIds: pulumi.Input<string>[];
  /** The group that lets only the functions reach port 5432. */
  readonly securityGroupId: pulumi.Input<string>;
  /** KMS key for the master password, which RDS creates and rotates. */
  readonly secretsKeyArn: pulumi.Input<string>;
  /** Days that PostgreSQL's logs are kept. */
  readonly logRetentionDays: number;
  /** Refuses deletion, and applies changes in the maintenance window. */
  readonly protect: boolean;
}

/** Major version; the embedded server of `npm start` has the same. Minor versions are applied by RDS. */
export const POSTGRES_MAJOR = '17';

/** What RDS and Aurora have in common for the rest of the program. */
interface Server {
  readonly host: pulumi.Output<string>;
  /** Reader endpoint of a cluster. */
  readonly readHost: pulumi.Output<string> | undefined;
  readonly port: pulumi.Output<number>;
  readonly masterSecretArn: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  /** CloudWatch dimensions of the writer. */
  readonly dimensions: Readonly<Record<string, pulumi.Input<string>>>;
}

/**
 * PostgreSQL on RDS, or an Aurora PostgreSQL cluster with readers: private, encrypted, reachable with TLS only, with
 * backups. RDS creates and rotates the master password.
 *
 * Costs, us-east-1, 2026-11: `db.t4g.micro` in one zone with 20 GB of gp3 $13.98 a month ($0.016 an hour, $0.115 a
 * GB); `db.t4g.medium` Multi-AZ with 100 GB $117.90; an Aurora writer of `db.t4g.medium` $53.29, an Aurora capacity unit
 * $87.60. Backups up to the size of the storage and seven days of Performance Insights are free.
 */
export class Database extends pulumi.ComponentResource implements Server {
  /** Host name, without the port. */
  readonly host: pulumi.Output<string>;
  /** Reader endpoint of an Aurora cluster with readers; undefined without. */
  readonly readHost: pulumi.Output<string> | undefined;
  /** TCP port. */
  readonly port: pulumi.Output<number>;
  /** Host and port of the writer. */
  readonly endpoint: pulumi.Output<string>;
  /** Secret that RDS keeps the master password in: `{"username", "password"}`. */
  readonly masterSecretArn: pulumi.Output<string>;
  /** ARN of the instance or cluster. */
  readonly arn: pulumi.Output<string>;
  /** CloudWatch dimensions of the writer. */
  readonly dimensions: Readonly<Record<string, pulumi.Input<string>>>;
  /** Name of the database on the server. */
  readonly databaseName: string;
  /** Identifier of the instance or cluster in RDS. */
  readonly identifier: string;

  readonly #args: DatabaseArgs;
  readonly #name: string;

  constructor(name: string, args: DatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Database', name, {}, opts);
    this.#args = args;
    this.#name = name;
    this.identifier = args.names.of('database', 'db');
    this.databaseName = args.settings.name;
    const subnets = new aws.rds.SubnetGroup(
      name,
      { name: args.names.of('database', 'subnets'), subnetIds: args.subnetIds },
      { parent: this },
    );
    const server =
      args.settings.engine === 'aurora' ? this.#createCluster(subnets) : this.#createInstance(subnets);
    this.host = server.host;
    this.readHost = server.readHost;
    this.port = server.port;
    this.endpoint = pulumi.interpolate`${server.host}:${server.port}`;
    this.masterSecretArn = server.masterSecretArn;
    this.arn = server.arn;
    this.dimensions = server.dimensions;
    this.registerOutputs({ host: this.host, port: this.port });
  }

  /** Created here because RDS would create them without retention. */
  #createLogGroups(kind: 'instance' | 'cluster', logs: readonly string[]): aws.cloudwatch.LogGroup[] {
    return logs.map(
      (log) =>
        new aws.cloudwatch.LogGroup(
          `${this.#name}-${log}`,
          {
            name: `/aws/rds/${kind}/${this.identifier}/${log}`,
            retentionInDays: this.#args.logRetentionDays,
          },
          { parent: this },
        ),
    );
  }

  /** Server parameters. `max_connections` is explicit, so that role limits and the alarm use the same number. */
  #parameters(): aws.types.input.rds.ParameterGroupParameter[] {
    return [
      { name: 'rds.force_ssl', value: '1' },
      {
        name: 'max_connections',
        value: String(this.#args.settings.maxConnections),
        applyMethod: 'pending-reboot',
      },
      { name: 'log_min_duration_statement', value: '1000' },
      // A Lambda frozen inside a transaction would hold its locks, and hold back the feed, for ever.
      { name: 'idle_in_transaction_session_timeout', value: '60000' },
      { name: 'log_lock_waits', value: '1' },
    ];
  }

  /** A name prefix, because an upgrade to a new major version needs a second group beside the old one. */
  get #groupPrefix(): string {
    return `${this.#args.names.of('database', 'pg')}${POSTGRES_MAJOR}-`;
  }

  /** Arguments that RDS and Aurora share. */
  #common() {
    const { settings, protect, names } = this.#args;
    return {
      engineVersion: POSTGRES_MAJOR,
      storageEncrypted: true,
      // RDS keeps the password in Secrets Manager and rotates it every seven days, so Pulumi's state holds none.
      manageMasterUserPassword: true,
      masterUserSecretKmsKeyId: this.#args.secretsKeyArn,
      vpcSecurityGroupIds: [this.#args.securityGroupId],
      backupRetentionPeriod: settings.backupDays,
      deletionProtection: settings.deletionProtection,
      skipFinalSnapshot: !settings.finalSnapshot,
      ...(settings.finalSnapshot
        ? {
            finalSnapshotIdentifier: pulumi.interpolate`${names.of('snapshot', 'final')}-${this.#createSnapshotId()}`,
          }
        : {}),
      // Protected stacks wait for the maintenance window.
      applyImmediately: !protect,
    };
  }

  #createInstance(subnets: aws.rds.SubnetGroup): Server {
    const { settings, protect } = this.#args;
    const logs = this.#createLogGroups('instance', ['postgresql', 'upgrade']);
    const parameters = new aws.rds.ParameterGroup(
      this.#name,
      {
        namePrefix: this.#groupPrefix,
        family: `postgres${POSTGRES_MAJOR}`,
        description: `Settings of ${this.identifier}`,
        parameters: this.#parameters(),
      },
      { parent: this },
    );
    const instance = new aws.rds.Instance(
      this.#name,
      {
        ...this.#common(),
        identifier: this.identifier,
        engine: 'postgres',
        autoMinorVersionUpgrade: true,
        instanceClass: settings.instanceClass,
        storageType: 'gp3',
        allocatedStorage: settings.storageGb,
        maxAllocatedStorage: settings.maxStorageGb,
        multiAz: settings.multiAz,
        dbName: settings.name,
        username: OWNER_ROLE,
        dbSubnetGroupName: subnets.name,
        publiclyAccessible: false,
        caCertIdentifier: CERTIFICATE_AUTHORITY,
        parameterGroupName: parameters.name,
        backupWindow: BACKUP_WINDOW,
        maintenanceWindow: MAINTENANCE_WINDOW,
        copyTagsToSnapshot: true,
        ...insights(settings),
        enabledCloudwatchLogsExports: ['postgresql', 'upgrade'],
      },
      { parent: this, protect, dependsOn: logs },
    );
    return {
      host: instance.address,
      readHost: undefined,
      port: instance.port,
      masterSecretArn: instance.masterUserSecrets.apply(([secret]) => secret?.secretArn ?? ''),
      arn: instance.arn,
      dimensions: { DBInstanceIdentifier: instance.identifier },
    };
  }

  #createCluster(subnets: aws.rds.SubnetGroup): Server {
    const { settings, protect } = this.#args;
    const logs = this.#createLogGroups('cluster', ['postgresql']);
    const parameters = new aws.rds.ClusterParameterGroup(
      this.#name,
      {
        namePrefix: this.#groupPrefix,
        family: `aurora-postgresql${POSTGRES_MAJOR}`,
        description: `Settings of ${this.identifier}`,
        parameters: this.#parameters(),
      },
      { parent: this },
    );
    const cluster = new aws.rds.Cluster(
      this.#name,
      {
        ...this.#common(),
        clusterIdentifier: this.identifier,
        engine: 'aurora-postgresql',
        engineMode: 'provisioned',
        storageType: settings.ioOptimized ? 'aurora-iopt1' : '',
        ...(settings.serverless === undefined
          ? {}
          : {
              serverlessv2ScalingConfiguration: {
                minCapacity: settings.serverless.minAcu,
                maxCapacity: settings.serverless.maxAcu,
              },
            }),
        databaseName: settings.name,
        masterUsername: OWNER_ROLE,
        dbSubnetGroupName: subnets.name,
        dbClusterParameterGroupName: parameters.name,
        preferredBackupWindow: BACKUP_WINDOW,
        preferredMaintenanceWindow: MAINTENANCE_WINDOW,
        copyTagsToSnapshot: true,
        enabledCloudwatchLogsExports: ['postgresql'],
      },
      { parent: this, protect, dependsOn: logs },
    );
    // The first is the writer; failover goes to a reader of tier 1.
    const members = Array.from({ length: 1 + settings.readers }, (_, index) =>
      this.#createMember(cluster, subnets, index),
    );
    return {
      host: cluster.endpoint,
      readHost: members.length > 1 ? cluster.readerEndpoint : undefined,
      port: cluster.port,
      masterSecretArn: cluster.masterUserSecrets.apply(([secret]) => secret?.secretArn ?? ''),
      arn: cluster.arn,
      dimensions: { DBClusterIdentifier: cluster.clusterIdentifier, Role: 'WRITER' },
    };
  }

  #createMember(
    cluster: aws.rds.Cluster,
    subnets: aws.rds.SubnetGroup,
    index: number,
  ): aws.rds.ClusterInstance {
    const { settings, protect } = this.#args;
    return new aws.rds.ClusterInstance(
      `${this.#name}-${index}`,
      {
        identifier: `${this.identifier}-${index}`,
        clusterIdentifier: cluster.id,
        engine: 'aurora-postgresql',
        engineVersion: cluster.engineVersion,
        instanceClass: settings.instanceClass,
        dbSubnetGroupName: subnets.name,
        publiclyAccessible: false,
        caCertIdentifier: CERTIFICATE_AUTHORITY,
        promotionTier: Math.min(index, 15),
        preferredMaintenanceWindow: MAINTENANCE_WINDOW,
        ...insights(settings),
        applyImmediately: !protect,
      },
      { parent: this, protect },
    );
  }

  /** A random suffix for the final snapshot: one of an earlier stack with this name may still exist. */
  #createSnapshotId(): pulumi.Output<string> {
    return new random.RandomId(`${this.#name}-snapshot`, { byteLength: 4 }, { parent: this }).hex;
  }
}

/** In UTC, away from midnight in Paris, when the midnight ruler writes, and an hour after the start window of `backup.ts`. */
const BACKUP_WINDOW = '03:15-03:45';
const MAINTENANCE_WINDOW = 'sun:04:00-sun:05:00';

function insights({ performanceInsights }: DatabaseSettings) {
  return performanceInsights
    ? { performanceInsightsEnabled: true, performanceInsightsRetentionPeriod: 7 }
    : { performanceInsightsEnabled: false };
}

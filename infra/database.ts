import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import * as random from '@pulumi/random';
import type { Names } from './names';
import { CERTIFICATE_AUTHORITY } from './rds-certificates';
import { OWNER_ROLE } from './secrets';
import type { DatabaseSettings } from './stack-settings';

/** Arguments of {@link Database}. */
export interface DatabaseArgs {
  readonly names: Names;
  readonly settings: DatabaseSettings;
  readonly subnetIds: pulumi.Input<string>[];
  readonly securityGroupId: pulumi.Input<string>;
  /** Encrypts the master password, which RDS makes, keeps and rotates. */
  readonly secretsKeyArn: pulumi.Input<string>;
  readonly logRetentionDays: number;
  readonly protect: boolean;
}

/** Major version; the embedded server of `npm start` has the same. Minor versions are applied by RDS. */
export const POSTGRES_MAJOR = '17';

/**
 * PostgreSQL on RDS: private, encrypted, reachable with TLS only, with backups; a standby by setting.
 *
 * Costs, us-east-1, 2026-11: `db.t4g.micro` in one zone with 20 GB of gp3 $13.98 a month ($0.016 an hour, $0.115 a
 * GB); `db.t4g.medium` Multi-AZ with 100 GB $117.90. Backups up to the size of the storage and seven days of
 * Performance Insights are free.
 */
export class Database extends pulumi.ComponentResource {
  readonly instance: aws.rds.Instance;
  /** Host name, without the port. */
  readonly host: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
  /** Secret that RDS keeps the master password in: `{"username", "password"}`. */
  readonly masterSecretArn: pulumi.Output<string>;
  readonly databaseName: string;
  readonly identifier: string;

  readonly #args: DatabaseArgs;

  constructor(name: string, args: DatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Database', name, {}, opts);
    this.#args = args;
    this.identifier = args.names.of('database', 'db');
    this.databaseName = args.settings.name;
    const logs = this.#createLogGroups(name);
    const parameters = this.#createParameterGroup(name);
    const subnets = new aws.rds.SubnetGroup(
      name,
      { name: args.names.of('database', 'subnets'), subnetIds: args.subnetIds },
      { parent: this },
    );
    this.instance = this.#createInstance(name, subnets, parameters, logs);
    this.host = this.instance.address;
    this.port = this.instance.port;
    this.masterSecretArn = this.instance.masterUserSecrets.apply(([secret]) => secret?.secretArn ?? '');
    this.registerOutputs({ host: this.host, port: this.port });
  }

  /** RDS would create them itself, without retention. */
  #createLogGroups(name: string): aws.cloudwatch.LogGroup[] {
    return ['postgresql', 'upgrade'].map(
      (log) =>
        new aws.cloudwatch.LogGroup(
          `${name}-${log}`,
          {
            name: `/aws/rds/instance/${this.identifier}/${log}`,
            retentionInDays: this.#args.logRetentionDays,
          },
          { parent: this },
        ),
    );
  }

  #createParameterGroup(name: string): aws.rds.ParameterGroup {
    return new aws.rds.ParameterGroup(
      name,
      {
        // A prefix: a new major version needs a new group while the old one is still in use.
        namePrefix: `${this.#args.names.of('database', 'pg')}${POSTGRES_MAJOR}-`,
        family: `postgres${POSTGRES_MAJOR}`,
        description: `Settings of ${this.identifier}`,
        parameters: [
          { name: 'rds.force_ssl', value: '1' },
          { name: 'log_min_duration_statement', value: '1000' },
          // A Lambda frozen inside a transaction would hold its locks, and hold back the feed, for ever.
          { name: 'idle_in_transaction_session_timeout', value: '60000' },
          { name: 'log_lock_waits', value: '1' },
        ],
      },
      { parent: this },
    );
  }

  #createInstance(
    name: string,
    subnets: aws.rds.SubnetGroup,
    parameters: aws.rds.ParameterGroup,
    logs: aws.cloudwatch.LogGroup[],
  ): aws.rds.Instance {
    const { settings, protect, names } = this.#args;
    return new aws.rds.Instance(
      name,
      {
        identifier: this.identifier,
        engine: 'postgres',
        engineVersion: POSTGRES_MAJOR,
        autoMinorVersionUpgrade: true,
        instanceClass: settings.instanceClass,
        storageType: 'gp3',
        allocatedStorage: settings.storageGb,
        maxAllocatedStorage: settings.maxStorageGb,
        storageEncrypted: true,
        multiAz: settings.multiAz,
        dbName: settings.name,
        username: OWNER_ROLE,
        // Made by RDS in Secrets Manager, and new every seven days: nobody ever types it, no state holds it.
        manageMasterUserPassword: true,
        masterUserSecretKmsKeyId: this.#args.secretsKeyArn,
        dbSubnetGroupName: subnets.name,
        vpcSecurityGroupIds: [this.#args.securityGroupId],
        publiclyAccessible: false,
        caCertIdentifier: CERTIFICATE_AUTHORITY,
        parameterGroupName: parameters.name,
        backupRetentionPeriod: settings.backupDays,
        // UTC, away from midnight in Paris, when the midnight ruler writes.
        backupWindow: '02:30-03:30',
        maintenanceWindow: 'sun:04:00-sun:05:00',
        copyTagsToSnapshot: true,
        deletionProtection: settings.deletionProtection,
        skipFinalSnapshot: !settings.finalSnapshot,
        ...(settings.finalSnapshot
          ? {
              finalSnapshotIdentifier: pulumi.interpolate`${names.of('snapshot', 'final')}-${this.#createSnapshotId(name)}`,
            }
          : {}),
        performanceInsightsEnabled: settings.performanceInsights,
        ...(settings.performanceInsights ? { performanceInsightsRetentionPeriod: 7 } : {}),
        enabledCloudwatchLogsExports: ['postgresql', 'upgrade'],
        // Without protection, changes take effect at once; with it, in the maintenance window.
        applyImmediately: !protect,
      },
      { parent: this, protect, dependsOn: logs },
    );
  }

  /** Makes the name of the final snapshot new for each life of the stack: the old one may still be there. */
  #createSnapshotId(name: string): pulumi.Output<string> {
    return new random.RandomId(`${name}-snapshot`, { byteLength: 4 }, { parent: this }).hex;
  }
}

import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import type { BackupSettings } from './backup-settings';
import { policyDocument, trustPolicy } from './iam';
import type { Names } from './names';

/** Arguments of {@link Backup}. */
export interface BackupArgs {
  /** Makes the names of AWS resources. */
  readonly names: Names;
  /** `aws`, `aws-cn` or `aws-us-gov`: part of every ARN. */
  readonly partition: string;
  /** The account that the role of AWS Backup trusts. */
  readonly accountId: pulumi.Input<string>;
  /** The group `backup`: retention and the region of copies. */
  readonly settings: BackupSettings;
  /** What is backed up: the instance or the cluster. */
  readonly databaseArn: pulumi.Input<string>;
  /** Refuses to delete vaults. */
  readonly protect: boolean;
}

/**
 * In UTC, an hour after the latest midnight round, so that the backup includes the round's checkpoint spans. Its start window
 * ends more than an hour before the windows of RDS, in which AWS Backup starts no job (AWS Backup guide, "Backup plan options").
 */
const DAILY = 'cron(0 1 * * ? *)';
/** Minutes within which a job must begin and end. */
const START_WINDOW = 60;
const COMPLETION_WINDOW = 480;

/** What AWS's own policy for backups (AWSBackupServiceRolePolicyForBackup) allows of RDS. */
const SNAPSHOT_ACTIONS = [
  'rds:AddTagsToResource',
  'rds:CopyDBClusterSnapshot',
  'rds:CopyDBSnapshot',
  'rds:CreateDBClusterSnapshot',
  'rds:CreateDBSnapshot',
  'rds:DeleteDBClusterSnapshot',
  'rds:DeleteDBSnapshot',
  'rds:DescribeDBClusterSnapshots',
  'rds:DescribeDBClusters',
  'rds:DescribeDBInstances',
  'rds:DescribeDBSnapshots',
  'rds:ListTagsForResource',
];

/**
 * A daily recovery point of the database by AWS Backup, optionally copied to another region, in addition to RDS's own
 * automated backups.
 *
 * Costs (us-east-1, 2026-11): $0.095 per GB-month of changed data, the same in the other region, and $0.02 per GB transferred.
 */
export class Backup extends pulumi.ComponentResource {
  constructor(name: string, args: BackupArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Backup', name, {}, opts);
    const { names, settings, databaseArn, protect } = args;
    const vault = new aws.backup.Vault(
      name,
      { name: names.of('vault', 'backups') },
      { parent: this, protect },
    );
    const { copyRegion } = settings;
    const copies =
      copyRegion === undefined
        ? []
        : [
            new aws.backup.Vault(
              `${name}-copy`,
              { name: names.of('vault', 'backup-copies'), region: copyRegion },
              { parent: this, protect },
            ),
          ];
    const plan = new aws.backup.Plan(
      name,
      {
        name: names.of('vault', 'daily'),
        rules: [
          {
            ruleName: 'daily',
            targetVaultName: vault.name,
            schedule: DAILY,
            startWindow: START_WINDOW,
            completionWindow: COMPLETION_WINDOW,
            lifecycle: { deleteAfter: settings.days },
            copyActions: copies.map(({ arn }) => ({
              destinationVaultArn: arn,
              lifecycle: { deleteAfter: settings.copyDays },
            })),
          },
        ],
      },
      { parent: this },
    );
    const role = this.#createRole(name, args, [vault, ...copies]);
    new aws.backup.Selection(
      name,
      {
        name: names.of('vault', 'database'),
        planId: plan.id,
        iamRoleArn: role.arn,
        resources: [databaseArn],
      },
      { parent: this },
    );
    this.registerOutputs({ vaultArn: vault.arn });
  }

  #createRole(
    name: string,
    { names, partition, accountId, databaseArn }: BackupArgs,
    vaults: aws.backup.Vault[],
  ) {
    const role = new aws.iam.Role(
      name,
      { name: names.of('role', 'backup'), assumeRolePolicy: trustPolicy('backup.amazonaws.com', accountId) },
      { parent: this },
    );
    const keys = pulumi.interpolate`arn:${partition}:kms:*:${accountId}:key/*`;
    const snapshots = ['snapshot', 'cluster-snapshot'].map(
      (kind) => pulumi.interpolate`arn:${partition}:rds:*:${accountId}:${kind}:awsbackup:*`,
    );
    new aws.iam.RolePolicy(
      name,
      {
        role: role.name,
        policy: policyDocument([
          {
            Sid: 'TakeAndCopySnapshots',
            Effect: 'Allow',
            Action: SNAPSHOT_ACTIONS,
            Resource: [databaseArn, ...snapshots],
          },
          {
            Sid: 'FillVaults',
            Effect: 'Allow',
            Action: [
              'backup:DescribeBackupVault',
              'backup:CopyFromBackupVault',
              'backup:CopyIntoBackupVault',
            ],
            Resource: vaults.map(({ arn }) => arn),
          },
          {
            // These are AWS-managed keys of RDS and AWS Backup, whose ids are not known before deployment.
            Sid: 'UseKeysOfSnapshots',
            Effect: 'Allow',
            Action: ['kms:CreateGrant'],
            Resource: keys,
            Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
          },
          // A statement of its own: DescribeKey carries no grant, so it never meets the condition above.
          { Sid: 'LookAtKeys', Effect: 'Allow', Action: ['kms:DescribeKey'], Resource: keys },
        ]),
      },
      { parent: this },
    );
    return role;
  }
}

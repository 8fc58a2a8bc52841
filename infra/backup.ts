import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import type { BackupSettings } from './backup-settings';
import { policyDocument, trustPolicy } from './iam';
import type { Names } from './names';

/** Arguments of {@link Backup}. */
export interface BackupArgs {
  readonly names: Names;
  readonly partition: string;
  readonly accountId: pulumi.Input<string>;
  readonly settings: BackupSettings;
  /** What is backed up: the instance or the cluster. */
  readonly databaseArn: pulumi.Input<string>;
  /** Refuses to delete vaults. */
  readonly protect: boolean;
}

/** UTC, an hour after the latest midnight round: the round's checkpoint spans are in it. */
const DAILY = 'cron(0 1 * * ? *)';
/** Minutes within which a job begins, and ends. */
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
 * A daily recovery point of the database by AWS Backup, copied to another region on request, beside the backups that RDS
 * keeps by itself.
 *
 * Costs, us-east-1, 2026-11: $0.095 a GB and month of what changed, and as much in the other region, with $0.02 a GB for the way.
 */
export class Backup extends pulumi.ComponentResource {
  constructor(name: string, args: BackupArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Backup', name, {}, opts);
    const { names, settings, databaseArn, protect } = args;
    const vault = new aws.backup.Vault(
      name,
      { name: names.of('group', 'backups') },
      { parent: this, protect },
    );
    const { copyRegion } = settings;
    const copies =
      copyRegion === undefined
        ? []
        : [
            new aws.backup.Vault(
              `${name}-copy`,
              { name: names.of('group', 'backup-copies'), region: copyRegion },
              { parent: this, protect },
            ),
          ];
    const plan = new aws.backup.Plan(
      name,
      {
        name: names.of('group', 'daily'),
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
        name: names.of('group', 'database'),
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
            // The keys are AWS's own for RDS and AWS Backup, whose ids nobody knows before.
            Sid: 'UseKeysOfSnapshots',
            Effect: 'Allow',
            Action: ['kms:CreateGrant'],
            Resource: keys,
            Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
          },
          // Apart: a call that grants nothing does not meet that condition.
          { Sid: 'LookAtKeys', Effect: 'Allow', Action: ['kms:DescribeKey'], Resource: keys },
        ]),
      },
      { parent: this },
    );
    return role;
  }
}

import type { Need } from './need';

/** Plans have random ids, unknown before deployment. */
const BACKUP_PLAN: Need = {
  service: 'backup',
  read: ['GetBackupPlan', 'GetBackupSelection', 'ListTags'],
  write: [
    'CreateBackupPlan',
    'UpdateBackupPlan',
    'DeleteBackupPlan',
    'CreateBackupSelection',
    'DeleteBackupSelection',
    'TagResource',
    'UntagResource',
  ],
  on: ['arn:$P:backup:$R:$A:backup-plan:*'],
};

const RDS_TAGS = ['AddTagsToResource', 'RemoveTagsFromResource'];
const RDS_LIST = ['ListTagsForResource'];
/** Resources named after the stack, and AWS's default groups, which RDS uses where the program names none. */
const RDS = ['arn:$P:rds:$R:$A:*:$N-*', 'arn:$P:rds:$R:$A:og:default:*', 'arn:$P:rds:$R:$A:pg:default.*'];
const BUCKETS = ['arn:$P:s3:::$B*'];

/** Permissions for databases, backups and buckets, by resource type. */
export const DATA_NEEDS: Readonly<Record<string, Need>> = {
  'aws:backup/plan:Plan': BACKUP_PLAN,
  'aws:backup/selection:Selection': BACKUP_PLAN,
  'aws:backup/vault:Vault': {
    service: 'backup',
    read: ['DescribeBackupVault', 'ListTags'],
    write: ['CreateBackupVault', 'DeleteBackupVault', 'TagResource', 'UntagResource'],
    // Copies are in another region.
    on: ['arn:$P:backup:*:$A:backup-vault:$N-*'],
  },
  'aws:rds/cluster:Cluster': {
    service: 'rds',
    read: ['DescribeDBClusters', 'DescribeGlobalClusters', ...RDS_LIST],
    write: ['CreateDBCluster', 'ModifyDBCluster', 'DeleteDBCluster', 'CreateDBClusterSnapshot', ...RDS_TAGS],
    on: RDS,
  },
  'aws:rds/clusterInstance:ClusterInstance': {
    service: 'rds',
    read: ['DescribeDBInstances', ...RDS_LIST],
    write: ['CreateDBInstance', 'ModifyDBInstance', 'DeleteDBInstance', ...RDS_TAGS],
    on: RDS,
  },
  'aws:rds/clusterParameterGroup:ClusterParameterGroup': {
    service: 'rds',
    read: ['DescribeDBClusterParameterGroups', 'DescribeDBClusterParameters', ...RDS_LIST],
    write: [
      'CreateDBClusterParameterGroup',
      'ModifyDBClusterParameterGroup',
      'DeleteDBClusterParameterGroup',
      ...RDS_TAGS,
    ],
    on: RDS,
  },
  'aws:rds/instance:Instance': {
    service: 'rds',
    read: ['DescribeDBInstances', ...RDS_LIST],
    write: ['CreateDBInstance', 'ModifyDBInstance', 'DeleteDBInstance', 'CreateDBSnapshot', ...RDS_TAGS],
    on: RDS,
  },
  'aws:rds/parameterGroup:ParameterGroup': {
    service: 'rds',
    read: ['DescribeDBParameterGroups', 'DescribeDBParameters', ...RDS_LIST],
    write: ['CreateDBParameterGroup', 'ModifyDBParameterGroup', 'DeleteDBParameterGroup', ...RDS_TAGS],
    on: RDS,
  },
  'aws:rds/subnetGroup:SubnetGroup': {
    service: 'rds',
    read: ['DescribeDBSubnetGroups', ...RDS_LIST],
    write: ['CreateDBSubnetGroup', 'ModifyDBSubnetGroup', 'DeleteDBSubnetGroup', ...RDS_TAGS],
    on: RDS,
  },
  'aws:s3/bucket:Bucket': {
    service: 's3',
    // The provider reads all settings of a bucket, also those that the program does not set.
    read: [
      'ListBucket',
      'ListBucketVersions',
      'GetBucketAcl',
      'GetBucketCORS',
      'GetBucketLocation',
      'GetBucketLogging',
      'GetBucketObjectLockConfiguration',
      'GetBucketPolicy',
      'GetBucketRequestPayment',
      'GetBucketTagging',
      'GetBucketVersioning',
      'GetBucketWebsite',
      'GetAccelerateConfiguration',
      'GetEncryptionConfiguration',
      'GetLifecycleConfiguration',
      'GetReplicationConfiguration',
    ],
    write: [
      'CreateBucket',
      'DeleteBucket',
      'PutBucketTagging',
      'PutBucketObjectLockConfiguration',
      'PutBucketVersioning',
    ],
    on: BUCKETS,
  },
  'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration': {
    service: 's3',
    read: ['GetLifecycleConfiguration'],
    write: ['PutLifecycleConfiguration'],
    on: BUCKETS,
  },
  'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration': {
    service: 's3',
    read: ['GetBucketObjectLockConfiguration'],
    write: ['PutBucketObjectLockConfiguration'],
    on: BUCKETS,
  },
  'aws:s3/bucketOwnershipControls:BucketOwnershipControls': {
    service: 's3',
    read: ['GetBucketOwnershipControls'],
    write: ['PutBucketOwnershipControls'],
    on: BUCKETS,
  },
  'aws:s3/bucketPolicy:BucketPolicy': {
    service: 's3',
    read: ['GetBucketPolicy'],
    write: ['PutBucketPolicy', 'DeleteBucketPolicy'],
    on: BUCKETS,
  },
  'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock': {
    service: 's3',
    read: ['GetBucketPublicAccessBlock'],
    write: ['PutBucketPublicAccessBlock'],
    on: BUCKETS,
  },
  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration': {
    service: 's3',
    read: ['GetEncryptionConfiguration'],
    write: ['PutEncryptionConfiguration'],
    on: BUCKETS,
  },
  'aws:s3/bucketVersioning:BucketVersioning': {
    service: 's3',
    read: ['GetBucketVersioning'],
    write: ['PutBucketVersioning'],
    on: BUCKETS,
  },
};

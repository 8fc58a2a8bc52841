/** What each type of resource takes of the role that deploys it, and of the one that previews it. */

/** What a type of resource takes: to look at it, and to make, change and remove it. */
export interface Need {
  readonly service: string;
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** ARNs, with `$R` region, `$A` account, `$P` partition, `$N` the stack's prefix; `*` where AWS offers nothing narrower. */
  readonly on: readonly string[];
}

const TAGS_EC2 = ['CreateTags', 'DeleteTags'];

function ec2(read: readonly string[], write: readonly string[]): Need {
  // Descriptions have no resource, and what is created has no name that could be foreseen.
  return { service: 'ec2', read, write: [...write, ...TAGS_EC2], on: ['*'] };
}

const RULES = ec2(
  ['DescribeSecurityGroupRules', 'DescribeSecurityGroups'],
  [
    'AuthorizeSecurityGroupEgress',
    'AuthorizeSecurityGroupIngress',
    'RevokeSecurityGroupEgress',
    'RevokeSecurityGroupIngress',
    'ModifySecurityGroupRules',
  ],
);
const API: Need = {
  service: 'apigateway',
  read: ['GET'],
  write: ['POST', 'PUT', 'PATCH', 'DELETE'],
  on: ['arn:$P:apigateway:$R::/apis', 'arn:$P:apigateway:$R::/apis/*', 'arn:$P:apigateway:$R::/tags/*'],
};
/** Access logs are a delivery, which has no name that policies could use. */
export const LOG_DELIVERY: Need = {
  service: 'logs',
  read: ['DescribeLogGroups', 'DescribeResourcePolicies', 'GetLogDelivery', 'ListLogDeliveries'],
  write: ['CreateLogDelivery', 'UpdateLogDelivery', 'DeleteLogDelivery', 'PutResourcePolicy'],
  on: ['*'],
};
/** CloudFront takes certificates of this region alone. */
const CERTIFICATE: Need = {
  service: 'acm',
  read: ['DescribeCertificate', 'ListTagsForCertificate'],
  write: ['RequestCertificate', 'DeleteCertificate', 'AddTagsToCertificate', 'RemoveTagsFromCertificate'],
  on: ['arn:$P:acm:us-east-1:$A:certificate/*'],
};
/** Plans have ids that nobody knows before. */
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
const BUCKETS = ['arn:$P:s3:::$N-*'];
const RDS_LIST = ['ListTagsForResource'];

/** Resource type → what it takes. A type that is missing fails the test that reads every stack. */
export const NEEDS: Readonly<Record<string, Need>> = {
  'aws:acm/certificate:Certificate': CERTIFICATE,
  'aws:acm/certificateValidation:CertificateValidation': CERTIFICATE,
  'aws:apigatewayv2/api:Api': API,
  'aws:apigatewayv2/authorizer:Authorizer': API,
  'aws:apigatewayv2/integration:Integration': API,
  'aws:apigatewayv2/route:Route': API,
  'aws:apigatewayv2/stage:Stage': API,
  'aws:backup/plan:Plan': BACKUP_PLAN,
  'aws:backup/selection:Selection': BACKUP_PLAN,
  'aws:backup/vault:Vault': {
    service: 'backup',
    read: ['DescribeBackupVault', 'ListTags'],
    write: ['CreateBackupVault', 'DeleteBackupVault', 'TagResource', 'UntagResource'],
    // The copies lie in another region.
    on: ['arn:$P:backup:*:$A:backup-vault:$N-*'],
  },
  'aws:cloudfront/distribution:Distribution': {
    service: 'cloudfront',
    read: ['GetDistribution', 'ListTagsForResource'],
    write: [
      'CreateDistribution',
      'CreateDistributionWithTags',
      'UpdateDistribution',
      'DeleteDistribution',
      'TagResource',
      'UntagResource',
    ],
    on: ['arn:$P:cloudfront::$A:distribution/*'],
  },
  'aws:cloudwatch/dashboard:Dashboard': {
    service: 'cloudwatch',
    read: ['GetDashboard'],
    write: ['PutDashboard', 'DeleteDashboards'],
    on: ['arn:$P:cloudwatch::$A:dashboard/$N-*'],
  },
  'aws:cloudwatch/logGroup:LogGroup': {
    service: 'logs',
    read: ['ListTagsForResource'],
    write: ['CreateLogGroup', 'DeleteLogGroup', 'PutRetentionPolicy', 'TagResource', 'UntagResource'],
    on: ['arn:$P:logs:$R:$A:log-group:/aws/*/$N-*'],
  },
  'aws:cloudwatch/metricAlarm:MetricAlarm': {
    service: 'cloudwatch',
    read: ['DescribeAlarms', 'ListTagsForResource'],
    write: ['PutMetricAlarm', 'DeleteAlarms', 'TagResource', 'UntagResource'],
    on: ['arn:$P:cloudwatch:$R:$A:alarm:$N-*'],
  },
  'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup': RULES,
  'aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway': ec2(
    ['DescribeEgressOnlyInternetGateways'],
    ['CreateEgressOnlyInternetGateway', 'DeleteEgressOnlyInternetGateway'],
  ),
  'aws:ec2/eip:Eip': ec2(
    ['DescribeAddresses', 'DescribeAddressesAttribute'],
    ['AllocateAddress', 'ReleaseAddress'],
  ),
  'aws:ec2/internetGateway:InternetGateway': ec2(
    ['DescribeInternetGateways'],
    ['CreateInternetGateway', 'AttachInternetGateway', 'DetachInternetGateway', 'DeleteInternetGateway'],
  ),
  'aws:ec2/natGateway:NatGateway': ec2(['DescribeNatGateways'], ['CreateNatGateway', 'DeleteNatGateway']),
  'aws:ec2/routeTable:RouteTable': ec2(
    ['DescribeRouteTables'],
    ['CreateRouteTable', 'DeleteRouteTable', 'CreateRoute', 'ReplaceRoute', 'DeleteRoute'],
  ),
  'aws:ec2/routeTableAssociation:RouteTableAssociation': ec2(
    ['DescribeRouteTables'],
    ['AssociateRouteTable', 'DisassociateRouteTable', 'ReplaceRouteTableAssociation'],
  ),
  'aws:ec2/securityGroup:SecurityGroup': ec2(
    ['DescribeSecurityGroups', 'DescribeNetworkInterfaces'],
    ['CreateSecurityGroup', 'DeleteSecurityGroup', 'RevokeSecurityGroupEgress', 'RevokeSecurityGroupIngress'],
  ),
  'aws:ec2/subnet:Subnet': ec2(
    ['DescribeSubnets', 'DescribeNetworkInterfaces'],
    [
      'CreateSubnet',
      'DeleteSubnet',
      'ModifySubnetAttribute',
      'AssociateSubnetCidrBlock',
      'DisassociateSubnetCidrBlock',
    ],
  ),
  'aws:ec2/vpc:Vpc': ec2(
    [
      'DescribeVpcs',
      'DescribeVpcAttribute',
      'DescribeAvailabilityZones',
      'DescribeNetworkAcls',
      'DescribeSecurityGroups',
      'DescribeRouteTables',
    ],
    ['CreateVpc', 'DeleteVpc', 'ModifyVpcAttribute', 'AssociateVpcCidrBlock', 'DisassociateVpcCidrBlock'],
  ),
  'aws:iam/role:Role': {
    service: 'iam',
    read: ['GetRole', 'ListRolePolicies', 'ListAttachedRolePolicies', 'ListInstanceProfilesForRole'],
    write: ['CreateRole', 'DeleteRole', 'UpdateRole', 'UpdateAssumeRolePolicy', 'TagRole', 'UntagRole'],
    on: ['arn:$P:iam::$A:role/$N-*'],
  },
  'aws:iam/rolePolicy:RolePolicy': {
    service: 'iam',
    read: ['GetRolePolicy'],
    write: ['PutRolePolicy', 'DeleteRolePolicy'],
    on: ['arn:$P:iam::$A:role/$N-*'],
  },
  'aws:kms/alias:Alias': {
    service: 'kms',
    read: ['ListAliases'],
    write: ['CreateAlias', 'DeleteAlias', 'UpdateAlias'],
    on: ['*'],
  },
  'aws:kms/key:Key': {
    service: 'kms',
    read: ['DescribeKey', 'GetKeyPolicy', 'GetKeyRotationStatus', 'ListResourceTags'],
    // A grant, and a data key: RDS and Secrets Manager use the key for what they keep.
    write: [
      'CreateKey',
      'CreateGrant',
      'EnableKeyRotation',
      'PutKeyPolicy',
      'ScheduleKeyDeletion',
      'TagResource',
      'UntagResource',
      'UpdateKeyDescription',
    ],
    on: ['*'],
  },
  'aws:lambda/eventSourceMapping:EventSourceMapping': {
    service: 'lambda',
    read: ['GetEventSourceMapping', 'ListTags'],
    write: [
      'CreateEventSourceMapping',
      'UpdateEventSourceMapping',
      'DeleteEventSourceMapping',
      'TagResource',
    ],
    on: ['*'],
  },
  'aws:lambda/function:Function': {
    service: 'lambda',
    read: [
      'GetFunction',
      'GetFunctionCodeSigningConfig',
      'GetFunctionConcurrency',
      'ListVersionsByFunction',
      'ListTags',
    ],
    write: [
      'CreateFunction',
      'DeleteFunction',
      'UpdateFunctionCode',
      'UpdateFunctionConfiguration',
      'PutFunctionConcurrency',
      'DeleteFunctionConcurrency',
      'TagResource',
      'UntagResource',
    ],
    on: ['arn:$P:lambda:$R:$A:function:$N-*'],
  },
  'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig': {
    service: 'lambda',
    read: ['GetFunctionEventInvokeConfig'],
    write: ['PutFunctionEventInvokeConfig', 'DeleteFunctionEventInvokeConfig'],
    on: ['arn:$P:lambda:$R:$A:function:$N-*'],
  },
  'aws:lambda/invocation:Invocation': {
    service: 'lambda',
    read: [],
    write: ['InvokeFunction'],
    on: ['arn:$P:lambda:$R:$A:function:$N-migrator'],
  },
  'aws:lambda/layerVersion:LayerVersion': {
    service: 'lambda',
    read: ['GetLayerVersion'],
    write: ['PublishLayerVersion', 'DeleteLayerVersion'],
    on: ['arn:$P:lambda:$R:$A:layer:$N-*'],
  },
  'aws:lambda/permission:Permission': {
    service: 'lambda',
    read: ['GetPolicy'],
    write: ['AddPermission', 'RemovePermission'],
    on: ['arn:$P:lambda:$R:$A:function:$N-*'],
  },
  'aws:rds/cluster:Cluster': {
    service: 'rds',
    read: ['DescribeDBClusters', 'DescribeGlobalClusters', ...RDS_LIST],
    write: ['CreateDBCluster', 'ModifyDBCluster', 'DeleteDBCluster', 'CreateDBClusterSnapshot', ...RDS_TAGS],
    on: ['arn:$P:rds:$R:$A:*:$N-*'],
  },
  'aws:rds/clusterInstance:ClusterInstance': {
    service: 'rds',
    read: ['DescribeDBInstances', ...RDS_LIST],
    write: ['CreateDBInstance', 'ModifyDBInstance', 'DeleteDBInstance', ...RDS_TAGS],
    on: ['arn:$P:rds:$R:$A:*:$N-*'],
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
    on: ['arn:$P:rds:$R:$A:*:$N-*'],
  },
  'aws:rds/instance:Instance': {
    service: 'rds',
    read: ['DescribeDBInstances', ...RDS_LIST],
    write: ['CreateDBInstance', 'ModifyDBInstance', 'DeleteDBInstance', 'CreateDBSnapshot', ...RDS_TAGS],
    on: ['arn:$P:rds:$R:$A:*:$N-*'],
  },
  'aws:rds/parameterGroup:ParameterGroup': {
    service: 'rds',
    read: ['DescribeDBParameterGroups', 'DescribeDBParameters', ...RDS_LIST],
    write: ['CreateDBParameterGroup', 'ModifyDBParameterGroup', 'DeleteDBParameterGroup', ...RDS_TAGS],
    on: ['arn:$P:rds:$R:$A:*:$N-*'],
  },
  'aws:rds/subnetGroup:SubnetGroup': {
    service: 'rds',
    read: ['DescribeDBSubnetGroups', ...RDS_LIST],
    write: ['CreateDBSubnetGroup', 'ModifyDBSubnetGroup', 'DeleteDBSubnetGroup', ...RDS_TAGS],
    on: ['arn:$P:rds:$R:$A:*:$N-*'],
  },
  'aws:route53/record:Record': {
    service: 'route53',
    read: ['GetHostedZone', 'ListResourceRecordSets', 'GetChange'],
    write: ['ChangeResourceRecordSets'],
    on: ['arn:$P:route53:::hostedzone/*', 'arn:$P:route53:::change/*'],
  },
  'aws:s3/bucket:Bucket': {
    service: 's3',
    // The provider reads every side of a bucket, whatever the program says of it.
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
  'aws:scheduler/schedule:Schedule': {
    service: 'scheduler',
    read: ['GetSchedule'],
    write: ['CreateSchedule', 'UpdateSchedule', 'DeleteSchedule'],
    on: ['arn:$P:scheduler:$R:$A:schedule/$N/*'],
  },
  'aws:scheduler/scheduleGroup:ScheduleGroup': {
    service: 'scheduler',
    read: ['GetScheduleGroup', 'ListTagsForResource'],
    write: ['CreateScheduleGroup', 'DeleteScheduleGroup', 'TagResource', 'UntagResource'],
    on: ['arn:$P:scheduler:$R:$A:schedule-group/$N'],
  },
  'aws:secretsmanager/secret:Secret': {
    service: 'secretsmanager',
    read: ['DescribeSecret', 'GetResourcePolicy'],
    // The master's, `rds!…`, is made by RDS on behalf of the role that creates the database.
    write: ['CreateSecret', 'UpdateSecret', 'DeleteSecret', 'TagResource', 'UntagResource', 'RotateSecret'],
    on: ['arn:$P:secretsmanager:$R:$A:secret:$N-*', 'arn:$P:secretsmanager:$R:$A:secret:rds!*'],
  },
  'aws:secretsmanager/secretVersion:SecretVersion': {
    service: 'secretsmanager',
    read: [],
    write: ['PutSecretValue', 'GetSecretValue', 'UpdateSecretVersionStage'],
    on: ['provider-keys', 'edge-header'].map(
      (name) => `arn:$P:secretsmanager:$R:$A:secret:$N-secrets-${name}-*`,
    ),
  },
  'aws:sns/topic:Topic': {
    service: 'sns',
    read: ['GetTopicAttributes', 'ListTagsForResource'],
    write: ['CreateTopic', 'DeleteTopic', 'SetTopicAttributes', 'TagResource', 'UntagResource'],
    on: ['arn:$P:sns:$R:$A:$N-*'],
  },
  'aws:sns/topicSubscription:TopicSubscription': {
    service: 'sns',
    read: ['GetSubscriptionAttributes'],
    write: ['Subscribe', 'Unsubscribe', 'SetSubscriptionAttributes'],
    on: ['arn:$P:sns:$R:$A:$N-*'],
  },
  'aws:sqs/queue:Queue': {
    service: 'sqs',
    read: ['GetQueueAttributes', 'GetQueueUrl', 'ListQueueTags'],
    write: ['CreateQueue', 'DeleteQueue', 'SetQueueAttributes', 'TagQueue', 'UntagQueue'],
    on: ['arn:$P:sqs:$R:$A:$N-*'],
  },
  'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule': RULES,
  'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule': RULES,
  'aws:wafv2/webAcl:WebAcl': {
    service: 'wafv2',
    read: ['GetWebACL', 'ListTagsForResource'],
    write: ['CreateWebACL', 'UpdateWebACL', 'DeleteWebACL', 'TagResource', 'UntagResource'],
    on: [
      'arn:$P:wafv2:us-east-1:$A:global/webacl/$N-*/*',
      'arn:$P:wafv2:us-east-1:$A:global/managedruleset/*/*',
    ],
  },
};

/** Calls that AWS checks against `*` only, whatever the resource is called. */
export const UNNAMED = new Set([
  'cloudwatch:DescribeAlarms',
  'lambda:GetEventSourceMapping',
  'rds:DescribeDBInstances',
  'rds:DescribeGlobalClusters',
]);

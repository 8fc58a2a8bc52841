/** How each type of the program's resources is said in CloudFormation. */

import { at, type Inputs, listOf, ofType, recordOf, type Stack } from '../infra/subject';

export type Properties = Readonly<Record<string, unknown>>;

/** Where a resource stands. */
interface Place {
  readonly stack: Stack;
  readonly name: string;
}

export interface Mapping {
  readonly type: string;
  readonly properties: (inputs: Inputs, place: Place) => Properties;
  /** Resources that CloudFormation wants beside it, by what is appended to its logical id. */
  readonly beside?: (
    inputs: Inputs,
    own: { readonly Ref: string },
  ) => Record<string, { Type: string; Properties: Properties }>;
}

/** The text with a capital first. */
export const upper = (key: string): string => key.charAt(0).toUpperCase() + key.slice(1);

/** Everything as CloudFormation writes it, a capital first; `renamed` are those that are called otherwise. */
function capitals(value: unknown, renamed: Readonly<Record<string, string>> = {}): unknown {
  if (Array.isArray(value)) return value.map((item) => capitals(item, renamed));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [renamed[key] ?? upper(key), capitals(item, renamed)]),
  );
}

/** A type whose inputs are called as they are there, but for a capital; `renamed` to `''` are left out. */
function same(type: string, renamed: Readonly<Record<string, string>> = {}): Mapping {
  return {
    type,
    properties: ({ tags, ...inputs }) => {
      const known = Object.entries(inputs).filter(([key]) => renamed[key] !== '');
      return {
        ...recordOf(capitals(Object.fromEntries(known), renamed)),
        ...(tags === undefined || renamed.tags === '' ? {} : { Tags: tagList(tags) }),
      };
    },
  };
}

/** The same, with some of it said in another way. */
function almost(mapping: Mapping, change: (inputs: Inputs, place: Place) => Properties): Mapping {
  return {
    ...mapping,
    properties: (inputs, place) => ({ ...mapping.properties(inputs, place), ...change(inputs, place) }),
  };
}

function tagList(tags: unknown): unknown[] {
  return Object.entries(recordOf(tags)).map(([Key, Value]) => ({ Key, Value }));
}

function parameterMap(parameters: unknown): Properties {
  return Object.fromEntries(listOf(parameters).map((item) => [String(at(item, 'name')), at(item, 'value')]));
}

const document = (text: unknown): unknown => JSON.parse(String(text));
/** Where the code of a function or layer would lie; the program uploads it itself. */
const CODE = { S3Bucket: 'amzn-s3-demo-bucket', S3Key: 'code.zip' };
/** The program leaves the minor version to RDS, which takes its newest; the schemas list minor versions. */
const MINOR = '.7';
const SERVER = {
  allocatedStorage: 'AllocatedStorage',
  instanceClass: 'DBInstanceClass',
  identifier: 'DBInstanceIdentifier',
  clusterIdentifier: 'DBClusterIdentifier',
  dbName: 'DBName',
  username: 'MasterUsername',
  masterUsername: 'MasterUsername',
  databaseName: 'DatabaseName',
  dbSubnetGroupName: 'DBSubnetGroupName',
  parameterGroupName: 'DBParameterGroupName',
  dbClusterParameterGroupName: 'DBClusterParameterGroupName',
  multiAz: 'MultiAZ',
  caCertIdentifier: 'CACertificateIdentifier',
  enabledCloudwatchLogsExports: 'EnableCloudwatchLogsExports',
  performanceInsightsEnabled: 'EnablePerformanceInsights',
  vpcSecurityGroupIds: 'VPCSecurityGroups',
  serverlessv2ScalingConfiguration: 'ServerlessV2ScalingConfiguration',
  // Said as another property below, or of the deletion policy.
  masterUserSecretKmsKeyId: '',
  skipFinalSnapshot: '',
  finalSnapshotIdentifier: '',
  applyImmediately: '',
  engineVersion: '',
  backupWindow: 'PreferredBackupWindow',
  maintenanceWindow: 'PreferredMaintenanceWindow',
};
const RULE = {
  securityGroupId: 'GroupId',
  cidrIpv4: 'CidrIp',
  cidrIpv6: 'CidrIpv6',
};

/** A bucket's properties are resources of their own in the program. */
function bucketOf({ bucketPrefix, objectLockEnabled, tags }: Inputs, { stack, name }: Place): Properties {
  const part = (kind: string, type: string): Inputs =>
    ofType(stack, `aws:s3/${kind}:${type}`).find((item) => item.name === name)?.inputs ?? {};
  const retention = at(
    part('bucketObjectLockConfiguration', 'BucketObjectLockConfiguration'),
    'rule.defaultRetention',
  );
  const { bucket: _bucket, ...block } = part('bucketPublicAccessBlock', 'BucketPublicAccessBlock');
  const ownership = part('bucketOwnershipControls', 'BucketOwnershipControls');
  const encryption = part(
    'bucketServerSideEncryptionConfiguration',
    'BucketServerSideEncryptionConfiguration',
  );
  const lifecycle = part('bucketLifecycleConfiguration', 'BucketLifecycleConfiguration');
  const versioning = part('bucketVersioning', 'BucketVersioning');
  return {
    BucketName: `${bucketPrefix}${'0'.repeat(26)}`,
    ObjectLockEnabled: objectLockEnabled,
    ObjectLockConfiguration: {
      ObjectLockEnabled: 'Enabled',
      Rule: { DefaultRetention: capitals(retention) },
    },
    PublicAccessBlockConfiguration: capitals(block),
    OwnershipControls: { Rules: [capitals(ownership.rule)] },
    BucketEncryption: {
      ServerSideEncryptionConfiguration: listOf(encryption.rules).map((rule) => ({
        ServerSideEncryptionByDefault: {
          SSEAlgorithm: at(rule, 'applyServerSideEncryptionByDefault.sseAlgorithm'),
        },
      })),
    },
    VersioningConfiguration: capitals(versioning.versioningConfiguration),
    LifecycleConfiguration: {
      Rules: listOf(lifecycle.rules).map((rule) => ({
        Id: at(rule, 'id'),
        Status: at(rule, 'status'),
        Prefix: at(rule, 'filter.prefix'),
        NoncurrentVersionExpiration: capitals(at(rule, 'noncurrentVersionExpiration')),
      })),
    },
    Tags: tagList(tags),
  };
}

/** A secret with the value that the program gives it, if it does. */
function secretOf({ namePrefix, description, kmsKeyId, tags }: Inputs, { stack, name }: Place): Properties {
  const given = ofType(stack, 'aws:secretsmanager/secretVersion:SecretVersion').find(
    (item) => item.name === name,
  );
  return {
    Name: `${namePrefix}${'0'.repeat(26)}`,
    Description: description,
    KmsKeyId: kmsKeyId,
    SecretString: given?.inputs.secretString,
    Tags: tagList(tags),
  };
}

function distributionOf(inputs: Inputs): Properties {
  const { tags, webAclId, isIpv6Enabled, defaultCacheBehavior, viewerCertificate, origins, ...others } =
    inputs;
  return {
    DistributionConfig: {
      ...recordOf(capitals(others)),
      WebACLId: webAclId,
      IPV6Enabled: isIpv6Enabled,
      DefaultCacheBehavior: capitals(defaultCacheBehavior),
      ViewerCertificate: capitals(viewerCertificate, {
        cloudfrontDefaultCertificate: 'CloudFrontDefaultCertificate',
      }),
      Origins: listOf(origins).map((origin) => ({
        Id: at(origin, 'originId'),
        DomainName: at(origin, 'domainName'),
        CustomOriginConfig: capitals(at(origin, 'customOriginConfig'), {
          httpPort: 'HTTPPort',
          httpsPort: 'HTTPSPort',
          originSslProtocols: 'OriginSSLProtocols',
        }),
        OriginCustomHeaders: listOf(at(origin, 'customHeaders')).map((header) => ({
          HeaderName: at(header, 'name'),
          HeaderValue: at(header, 'value'),
        })),
      })),
    },
    Tags: tagList(tags),
  };
}

function routesOf(inputs: Inputs, table: { readonly Ref: string }) {
  return Object.fromEntries(
    listOf(inputs.routes).map((route, index) => [
      `Route${index}`,
      {
        Type: 'AWS::EC2::Route',
        Properties: {
          RouteTableId: table,
          DestinationCidrBlock: at(route, 'cidrBlock'),
          DestinationIpv6CidrBlock: at(route, 'ipv6CidrBlock'),
          GatewayId: at(route, 'gatewayId'),
          NatGatewayId: at(route, 'natGatewayId'),
          EgressOnlyInternetGatewayId: at(route, 'egressOnlyGatewayId'),
        },
      },
    ]),
  );
}

/** Type of the program → how it is said. */
export const MAPPINGS: Readonly<Record<string, Mapping>> = {
  'aws:acm/certificate:Certificate': same('AWS::CertificateManager::Certificate', { region: '' }),
  'aws:apigatewayv2/api:Api': almost(same('AWS::ApiGatewayV2::Api'), ({ tags }) => ({ Tags: tags })),
  'aws:apigatewayv2/authorizer:Authorizer': almost(
    same('AWS::ApiGatewayV2::Authorizer', { identitySources: 'IdentitySource' }),
    ({ jwtConfiguration }) => ({ JwtConfiguration: capitals(jwtConfiguration, { audiences: 'Audience' }) }),
  ),
  'aws:apigatewayv2/integration:Integration': same('AWS::ApiGatewayV2::Integration', {
    timeoutMilliseconds: 'TimeoutInMillis',
  }),
  'aws:apigatewayv2/route:Route': same('AWS::ApiGatewayV2::Route'),
  'aws:apigatewayv2/stage:Stage': almost(
    same('AWS::ApiGatewayV2::Stage', { name: 'StageName', routeSettings: '' }),
    ({ routeSettings, tags }) => ({
      RouteSettings: Object.fromEntries(
        listOf(routeSettings).map((item) => {
          const { routeKey, ...settings } = recordOf(item);
          return [String(routeKey), capitals(settings)];
        }),
      ),
      Tags: tags,
    }),
  ),
  'aws:backup/plan:Plan': {
    type: 'AWS::Backup::BackupPlan',
    properties: ({ name, rules, tags }) => ({
      BackupPlan: {
        BackupPlanName: name,
        BackupPlanRule: listOf(rules).map((rule) =>
          capitals(rule, {
            targetVaultName: 'TargetBackupVault',
            schedule: 'ScheduleExpression',
            startWindow: 'StartWindowMinutes',
            completionWindow: 'CompletionWindowMinutes',
            deleteAfter: 'DeleteAfterDays',
            destinationVaultArn: 'DestinationBackupVaultArn',
          }),
        ),
      },
      BackupPlanTags: tags,
    }),
  },
  'aws:backup/selection:Selection': {
    type: 'AWS::Backup::BackupSelection',
    properties: ({ planId, name, iamRoleArn, resources }) => ({
      BackupPlanId: planId,
      BackupSelection: { SelectionName: name, IamRoleArn: iamRoleArn, Resources: resources },
    }),
  },
  'aws:backup/vault:Vault': {
    type: 'AWS::Backup::BackupVault',
    properties: ({ name, tags }) => ({ BackupVaultName: name, BackupVaultTags: tags }),
  },
  'aws:cloudfront/distribution:Distribution': {
    type: 'AWS::CloudFront::Distribution',
    properties: distributionOf,
  },
  'aws:cloudwatch/dashboard:Dashboard': same('AWS::CloudWatch::Dashboard'),
  'aws:cloudwatch/logGroup:LogGroup': same('AWS::Logs::LogGroup', { name: 'LogGroupName' }),
  'aws:cloudwatch/metricAlarm:MetricAlarm': almost(
    same('AWS::CloudWatch::Alarm', { name: 'AlarmName', okActions: 'OKActions', dimensions: '' }),
    ({ dimensions }) => ({
      Dimensions: Object.entries(recordOf(dimensions)).map(([Name, Value]) => ({ Name, Value })),
    }),
  ),
  'aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway': same('AWS::EC2::EgressOnlyInternetGateway'),
  'aws:ec2/eip:Eip': same('AWS::EC2::EIP'),
  'aws:ec2/internetGateway:InternetGateway': {
    ...same('AWS::EC2::InternetGateway', { vpcId: '' }),
    beside: ({ vpcId }, own) => ({
      Attachment: {
        Type: 'AWS::EC2::VPCGatewayAttachment',
        Properties: { VpcId: vpcId, InternetGatewayId: own },
      },
    }),
  },
  'aws:ec2/natGateway:NatGateway': same('AWS::EC2::NatGateway'),
  'aws:ec2/routeTable:RouteTable': { ...same('AWS::EC2::RouteTable', { routes: '' }), beside: routesOf },
  'aws:ec2/routeTableAssociation:RouteTableAssociation': same('AWS::EC2::SubnetRouteTableAssociation'),
  'aws:ec2/securityGroup:SecurityGroup': same('AWS::EC2::SecurityGroup', {
    name: 'GroupName',
    description: 'GroupDescription',
  }),
  'aws:ec2/subnet:Subnet': same('AWS::EC2::Subnet'),
  'aws:ec2/vpc:Vpc': {
    ...same('AWS::EC2::VPC', { assignGeneratedIpv6CidrBlock: '' }),
    beside: (_inputs, own) => ({
      Ipv6: { Type: 'AWS::EC2::VPCCidrBlock', Properties: { VpcId: own, AmazonProvidedIpv6CidrBlock: true } },
    }),
  },
  'aws:iam/role:Role': almost(
    same('AWS::IAM::Role', { name: 'RoleName', assumeRolePolicy: '' }),
    ({ assumeRolePolicy }) => ({ AssumeRolePolicyDocument: document(assumeRolePolicy) }),
  ),
  'aws:iam/rolePolicy:RolePolicy': {
    type: 'AWS::IAM::RolePolicy',
    properties: ({ role, policy }, { name }) => ({
      RoleName: role,
      PolicyName: name,
      PolicyDocument: document(policy),
    }),
  },
  'aws:kms/alias:Alias': same('AWS::KMS::Alias', { name: 'AliasName' }),
  'aws:kms/key:Key': same('AWS::KMS::Key', { deletionWindowInDays: 'PendingWindowInDays' }),
  'aws:lambda/eventSourceMapping:EventSourceMapping': same('AWS::Lambda::EventSourceMapping'),
  'aws:lambda/function:Function': almost(
    same('AWS::Lambda::Function', { name: 'FunctionName' }),
    ({ vpcConfig }) => ({
      Code: CODE,
      VpcConfig: capitals(vpcConfig, { ipv6AllowedForDualStack: 'Ipv6AllowedForDualStack' }),
    }),
  ),
  'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig': almost(
    same('AWS::Lambda::EventInvokeConfig'),
    () => ({ Qualifier: '$LATEST' }),
  ),
  'aws:lambda/layerVersion:LayerVersion': almost(same('AWS::Lambda::LayerVersion', { code: '' }), () => ({
    Content: CODE,
  })),
  'aws:lambda/permission:Permission': same('AWS::Lambda::Permission', { function: 'FunctionName' }),
  'aws:rds/cluster:Cluster': almost(
    same('AWS::RDS::DBCluster', { ...SERVER, vpcSecurityGroupIds: 'VpcSecurityGroupIds', storageType: '' }),
    ({ masterUserSecretKmsKeyId, storageType, engineVersion }) => ({
      EngineVersion: `${engineVersion}${MINOR}`,
      MasterUserSecret: { KmsKeyId: masterUserSecretKmsKeyId },
      // The provider's word for AWS's own default.
      StorageType: storageType === '' ? undefined : storageType,
    }),
  ),
  'aws:rds/clusterInstance:ClusterInstance': almost(
    same('AWS::RDS::DBInstance', SERVER),
    ({ engineVersion }) => ({ EngineVersion: `${engineVersion}${MINOR}` }),
  ),
  'aws:rds/clusterParameterGroup:ClusterParameterGroup': almost(
    same('AWS::RDS::DBClusterParameterGroup', { namePrefix: '', parameters: '' }),
    ({ parameters }) => ({ Parameters: parameterMap(parameters) }),
  ),
  'aws:rds/instance:Instance': almost(
    same('AWS::RDS::DBInstance', SERVER),
    ({ masterUserSecretKmsKeyId, allocatedStorage, engineVersion }) => ({
      EngineVersion: `${engineVersion}${MINOR}`,
      MasterUserSecret: { KmsKeyId: masterUserSecretKmsKeyId },
      AllocatedStorage: String(allocatedStorage),
    }),
  ),
  'aws:rds/parameterGroup:ParameterGroup': almost(
    same('AWS::RDS::DBParameterGroup', { namePrefix: '', parameters: '' }),
    ({ parameters }) => ({ Parameters: parameterMap(parameters) }),
  ),
  'aws:rds/subnetGroup:SubnetGroup': same('AWS::RDS::DBSubnetGroup', {
    name: 'DBSubnetGroupName',
    description: 'DBSubnetGroupDescription',
  }),
  'aws:route53/record:Record': {
    type: 'AWS::Route53::RecordSet',
    properties: ({ zoneId, name, type, ttl, records, aliases }) => {
      const [alias] = listOf(aliases);
      return {
        HostedZoneId: zoneId,
        Name: name,
        Type: type,
        TTL: ttl === undefined ? undefined : String(ttl),
        ResourceRecords: records,
        AliasTarget:
          alias === undefined
            ? undefined
            : {
                HostedZoneId: at(alias, 'zoneId'),
                DNSName: at(alias, 'name'),
                EvaluateTargetHealth: at(alias, 'evaluateTargetHealth'),
              },
      };
    },
  },
  'aws:s3/bucket:Bucket': { type: 'AWS::S3::Bucket', properties: bucketOf },
  'aws:s3/bucketPolicy:BucketPolicy': {
    type: 'AWS::S3::BucketPolicy',
    properties: ({ bucket, policy }) => ({ Bucket: bucket, PolicyDocument: document(policy) }),
  },
  'aws:scheduler/schedule:Schedule': same('AWS::Scheduler::Schedule'),
  'aws:scheduler/scheduleGroup:ScheduleGroup': same('AWS::Scheduler::ScheduleGroup'),
  'aws:secretsmanager/secret:Secret': { type: 'AWS::SecretsManager::Secret', properties: secretOf },
  'aws:sns/topic:Topic': same('AWS::SNS::Topic', { name: 'TopicName' }),
  'aws:sns/topicSubscription:TopicSubscription': same('AWS::SNS::Subscription', { topic: 'TopicArn' }),
  'aws:sqs/queue:Queue': same('AWS::SQS::Queue', {
    name: 'QueueName',
    visibilityTimeoutSeconds: 'VisibilityTimeout',
    messageRetentionSeconds: 'MessageRetentionPeriod',
    receiveWaitTimeSeconds: 'ReceiveMessageWaitTimeSeconds',
  }),
  'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule': same('AWS::EC2::SecurityGroupEgress', {
    ...RULE,
    tags: '',
    referencedSecurityGroupId: 'DestinationSecurityGroupId',
  }),
  'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule': same('AWS::EC2::SecurityGroupIngress', {
    ...RULE,
    tags: '',
    referencedSecurityGroupId: 'SourceSecurityGroupId',
  }),
  'aws:wafv2/webAcl:WebAcl': same('AWS::WAFv2::WebACL', {
    region: '',
    cloudwatchMetricsEnabled: 'CloudWatchMetricsEnabled',
  }),
};

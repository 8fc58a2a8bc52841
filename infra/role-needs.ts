/** What each type of resource takes of the role that deploys it, and of the one that previews it. */

import { DATA_NEEDS } from './data-needs';
import { FUNCTION_NEEDS } from './function-needs';
import type { Need } from './need';
import { NETWORK_NEEDS } from './network-needs';

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

/** Resource type → what it takes. A type that is missing fails the test that reads every stack. */
export const NEEDS: Readonly<Record<string, Need>> = {
  ...NETWORK_NEEDS,
  ...DATA_NEEDS,
  ...FUNCTION_NEEDS,
  'aws:acm/certificate:Certificate': CERTIFICATE,
  'aws:acm/certificateValidation:CertificateValidation': CERTIFICATE,
  'aws:cloudfront/distribution:Distribution': {
    service: 'cloudfront',
    read: ['GetDistribution', 'ListTagsForResource'],
    write: ['CreateDistribution', 'UpdateDistribution', 'DeleteDistribution', 'TagResource', 'UntagResource'],
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
  'aws:iam/role:Role': {
    service: 'iam',
    read: ['GetRole', 'ListRolePolicies', 'ListAttachedRolePolicies', 'ListInstanceProfilesForRole'],
    write: ['CreateRole', 'DeleteRole', 'UpdateRole', 'UpdateAssumeRolePolicy', 'TagRole', 'UntagRole'],
    on: ['arn:$P:iam::$A:role/$N-$R-*'],
  },
  'aws:iam/rolePolicy:RolePolicy': {
    service: 'iam',
    read: ['GetRolePolicy'],
    write: ['PutRolePolicy', 'DeleteRolePolicy'],
    on: ['arn:$P:iam::$A:role/$N-$R-*'],
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
  'aws:route53/record:Record': {
    service: 'route53',
    read: ['GetHostedZone', 'ListResourceRecordSets', 'GetChange'],
    write: ['ChangeResourceRecordSets'],
    on: ['arn:$P:route53:::hostedzone/$Z', 'arn:$P:route53:::change/*'],
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

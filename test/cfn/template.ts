/**
 * The resources of a stack as a CloudFormation template, so that cfn-lint can hold them against the schemas of AWS's own
 * providers. Nobody deploys it: the program goes another way to the same services.
 */

import { recordOf, type Stack, type Subject } from '../infra/subject';
import { MAPPINGS, type Mapping, type Properties, upper } from './mappings';

export interface Resource {
  readonly Type: string;
  readonly Properties: Properties;
}

export interface Template {
  readonly AWSTemplateFormatVersion: '2010-09-09';
  readonly Resources: Readonly<Record<string, Resource>>;
}

/** Types of the program that CloudFormation has no counterpart for, and why nothing is lost. */
const WITHOUT_COUNTERPART: readonly string[] = [
  // Waits for a certificate; nothing is created.
  'aws:acm/certificateValidation:CertificateValidation',
  // Closes what every VPC has; CloudFormation cannot touch it.
  'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup',
  // A call.
  'aws:lambda/invocation:Invocation',
  // Properties of the bucket, and of the secret; see `bucketOf` and `secretOf` in mappings.ts.
  'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration',
  'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration',
  'aws:s3/bucketOwnershipControls:BucketOwnershipControls',
  'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock',
  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration',
  'aws:s3/bucketVersioning:BucketVersioning',
  'aws:secretsmanager/secretVersion:SecretVersion',
];

/**
 * Translates a stack.
 * @throws Error for a type that there is no mapping for
 */
export function templateOf(stack: Stack): Template {
  const resources: Record<string, Resource> = {};
  for (const item of stack.resources) {
    if (!item.custom || item.type.startsWith('random:') || WITHOUT_COUNTERPART.includes(item.type)) continue;
    const mapping = MAPPINGS[item.type];
    if (mapping === undefined) throw new Error(`there is no mapping for ${item.type}`);
    const name = logicalId(item.type, item.name);
    resources[name] = { Type: mapping.type, Properties: propertiesOf(item, mapping, stack) };
    for (const [suffix, extra] of Object.entries(mapping.beside?.(item.inputs, { Ref: name }) ?? {}))
      resources[`${name}${suffix}`] = {
        Type: extra.Type,
        Properties: recordOf(referring(extra.Properties, stack)),
      };
  }
  return { AWSTemplateFormatVersion: '2010-09-09', Resources: resources };
}

function propertiesOf(item: Subject, mapping: Mapping, stack: Stack): Properties {
  const translated = mapping.properties(item.inputs, { stack, name: item.name });
  const given = Object.entries(translated).filter(([, value]) => value !== undefined);
  return recordOf(referring(Object.fromEntries(given), stack));
}

/** Which type an id belongs to, by the property that holds it. */
const REFERENCES: Readonly<Record<string, string>> = {
  AllocationId: 'aws:ec2/eip:Eip',
  ApiId: 'aws:apigatewayv2/api:Api',
  AuthorizerId: 'aws:apigatewayv2/authorizer:Authorizer',
  BackupPlanId: 'aws:backup/plan:Plan',
  DBClusterIdentifier: 'aws:rds/cluster:Cluster',
  DestinationSecurityGroupId: 'aws:ec2/securityGroup:SecurityGroup',
  EgressOnlyInternetGatewayId: 'aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway',
  GatewayId: 'aws:ec2/internetGateway:InternetGateway',
  GroupId: 'aws:ec2/securityGroup:SecurityGroup',
  NatGatewayId: 'aws:ec2/natGateway:NatGateway',
  RouteTableId: 'aws:ec2/routeTable:RouteTable',
  SecurityGroupIds: 'aws:ec2/securityGroup:SecurityGroup',
  SourceSecurityGroupId: 'aws:ec2/securityGroup:SecurityGroup',
  SubnetId: 'aws:ec2/subnet:Subnet',
  SubnetIds: 'aws:ec2/subnet:Subnet',
  VPCSecurityGroups: 'aws:ec2/securityGroup:SecurityGroup',
  VpcId: 'aws:ec2/vpc:Vpc',
  VpcSecurityGroupIds: 'aws:ec2/securityGroup:SecurityGroup',
};

/** Ids that the stand-in for AWS made up (`network-private-0-id`) as references; others, of a VPC that is there, stay. */
function referring(value: unknown, stack: Stack, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => referring(item, stack, key));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([name, item]) => [name, referring(item, stack, name)]),
    );
  if (typeof value !== 'string') return value;
  const type = REFERENCES[key];
  const name = value.replace(/-id$/, '');
  const found = stack.resources.some((item) => item.type === type && item.name === name);
  if (type === undefined || !found) return realArns(value);
  const id = logicalId(type, name);
  // What Ref gives is another thing for these.
  return type === 'aws:ec2/eip:Eip' ? { 'Fn::GetAtt': [id, 'AllocationId'] } : { Ref: id };
}

/** The stand-in for AWS makes most ARNs alike; AWS does not. */
const ARNS: readonly (readonly [RegExp, string])[] = [
  [/arn:aws:iam:[\w-]+:(\d+):/g, 'arn:aws:iam::$1:role/'],
  [/arn:aws:kms:([\w-]+):(\d+):[\w-]+/g, 'arn:aws:kms:$1:$2:key/12345678-1234-1234-1234-123456789012'],
  [/arn:aws:cloudwatch:([\w-]+):(\d+):\//g, 'arn:aws:logs:$1:$2:log-group:/'],
  [/arn:aws:lambda:([\w-]+):(\d+):([\w-]+)$/g, 'arn:aws:lambda:$1:$2:layer:$3:1'],
  [/arn:aws:scheduler:([\w-]+):(\d+):/g, 'arn:aws:scheduler:$1:$2:schedule-group/'],
  [/arn:aws:backup:([\w-]+):(\d+):/g, 'arn:aws:backup:$1:$2:backup-vault:'],
  [/arn:aws:rds:([\w-]+):(\d+):(?!db:|cluster|snapshot)/g, 'arn:aws:rds:$1:$2:db:'],
];

function realArns(text: string): string {
  return ARNS.reduce((changed, [made, real]) => changed.replaceAll(made, real), text);
}

/** CloudFormation takes letters and digits. */
function logicalId(type: string, name: string): string {
  const kind = type.split(':').at(-1) ?? '';
  return [kind, ...name.split(/[^A-Za-z0-9]+/)].map(upper).join('');
}

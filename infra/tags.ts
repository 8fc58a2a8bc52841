import * as pulumi from '@pulumi/pulumi';
import type { StackSettings } from './stack-settings';

/** Resource types of this program that can be tagged. A test compares the list with the provider's own types. */
const TAGGABLE: ReadonlySet<string> = new Set([
  'aws:acm/certificate:Certificate',
  'aws:apigatewayv2/api:Api',
  'aws:apigatewayv2/stage:Stage',
  'aws:backup/plan:Plan',
  'aws:backup/vault:Vault',
  'aws:cloudfront/distribution:Distribution',
  'aws:cloudwatch/logGroup:LogGroup',
  'aws:cloudwatch/metricAlarm:MetricAlarm',
  'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup',
  'aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway',
  'aws:ec2/eip:Eip',
  'aws:ec2/internetGateway:InternetGateway',
  'aws:ec2/natGateway:NatGateway',
  'aws:ec2/routeTable:RouteTable',
  'aws:ec2/securityGroup:SecurityGroup',
  'aws:ec2/subnet:Subnet',
  'aws:ec2/vpc:Vpc',
  'aws:iam/role:Role',
  'aws:kms/key:Key',
  'aws:lambda/eventSourceMapping:EventSourceMapping',
  'aws:lambda/function:Function',
  'aws:rds/instance:Instance',
  'aws:rds/parameterGroup:ParameterGroup',
  'aws:rds/subnetGroup:SubnetGroup',
  'aws:s3/bucket:Bucket',
  'aws:scheduler/scheduleGroup:ScheduleGroup',
  'aws:secretsmanager/secret:Secret',
  'aws:sns/topic:Topic',
  'aws:sqs/queue:Queue',
  'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule',
  'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule',
  'aws:wafv2/webAcl:WebAcl',
]);

/** The tags of a stack, by which cost reports attribute resources. */
export function stackTags(settings: StackSettings): Readonly<Record<string, string>> {
  return { Project: settings.project, Stack: settings.stack, ManagedBy: 'pulumi', ...settings.tags };
}

/**
 * A transformation for the options of top-level components that tags every child. A resource's own tags, such as
 * `Name`, win.
 */
export function taggedWith(tags: Readonly<Record<string, string>>): pulumi.ResourceTransformation {
  return ({ type, props, opts }) =>
    TAGGABLE.has(type)
      ? { props: { ...props, tags: pulumi.output(props.tags).apply((own) => ({ ...tags, ...own })) }, opts }
      : undefined;
}

import type { Need } from './need';

const TAGS_EC2 = ['CreateTags', 'DeleteTags'];

function ec2(read: readonly string[], write: readonly string[]): Need {
  // Describe calls have no resource, and new resources have random ids.
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

/** Permissions for networks, by resource type. */
export const NETWORK_NEEDS: Readonly<Record<string, Need>> = {
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
    // Lambda describes a function's subnets and VPC with the caller's permissions.
    ['DescribeSecurityGroups', 'DescribeNetworkInterfaces', 'DescribeSubnets', 'DescribeVpcs'],
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
  'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule': RULES,
  'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule': RULES,
};

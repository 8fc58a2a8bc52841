import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { type Ipv4Block, ipv4Subnet, ipv6Subnet, parseIpv4Block } from './cidr';
import type { Names } from './names';
import type { NetworkSettings } from './network-settings';

/** Arguments of {@link Network}. */
export interface NetworkArgs {
  /** Makes the names of AWS resources. */
  readonly names: Names;
  /** The group `network`: range, zones, egress. */
  readonly settings: NetworkSettings;
}

/** The VPC that the stack creates. */
interface OwnNetwork {
  readonly vpc: aws.ec2.Vpc;
  readonly block: Ipv4Block;
  readonly zones: pulumi.Output<string[]>;
}

/** Bits that split the VPC into 16 subnets: 0–2 are private, one a zone; 8–10 are public, for NAT gateways only. */
const PART_BITS = 4;
const FIRST_PUBLIC_PART = 8;

/**
 * A dual-stack VPC with private subnets in two or three zones. Functions reach the internet over IPv6 through an
 * egress-only gateway, which lets nothing in; NAT gateways for IPv4 are an option. Only functions reach port 5432. In an
 * existing VPC it creates only the two security groups.
 *
 * Costs $0 a month with `egress: ipv6`; with `nat` $36.50 a gateway ($0.045 an hour, and $0.005 for its public
 * address) and $0.045 a GB (us-east-1, 2026-11).
 */
export class Network extends pulumi.ComponentResource {
  /** The VPC, new or given. */
  readonly vpcId: pulumi.Output<string>;
  /** Subnets of functions and database, one a zone. */
  readonly privateSubnetIds: pulumi.Output<string>[];
  /** Whether the subnets have IPv6 ranges; of a given VPC only `egress` tells. */
  readonly hasIpv6: boolean;
  /** Security group of the functions. */
  readonly functionGroupId: pulumi.Output<string>;
  /** Security group of the database. */
  readonly databaseGroupId: pulumi.Output<string>;

  readonly #args: NetworkArgs;

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Network', name, {}, opts);
    this.#args = args;
    const { existing, egress } = args.settings;
    this.hasIpv6 = existing === undefined || egress === 'ipv6';
    if (existing === undefined) {
      [this.vpcId, this.privateSubnetIds] = this.#createOwn(name);
    } else {
      this.vpcId = pulumi.output(existing.vpcId);
      this.privateSubnetIds = existing.subnetIds.map((id) => pulumi.output(id));
    }
    const [functions, database] = this.#createSecurityGroups(name);
    this.functionGroupId = functions.id;
    this.databaseGroupId = database.id;
    this.registerOutputs({ vpcId: this.vpcId, privateSubnetIds: this.privateSubnetIds });
  }

  #createOwn(name: string): [pulumi.Output<string>, pulumi.Output<string>[]] {
    const { settings } = this.#args;
    const block = parseIpv4Block(settings.cidr);
    if (block === undefined) {
      throw new RangeError(`not an IPv4 range: ${settings.cidr}`);
    }
    const own: OwnNetwork = { vpc: this.#createVpc(name), block, zones: this.#lookUpZones() };
    this.#closeDefaultGroup(name, own);
    const subnets = this.#createPrivateSubnets(name, own);
    const egressOnly = new aws.ec2.EgressOnlyInternetGateway(name, { vpcId: own.vpc.id }, { parent: this });
    const gateways = settings.egress === 'nat' ? this.#createNatGateways(name, own) : [];
    this.#createPrivateRoutes(name, own, subnets, egressOnly, gateways);
    return [own.vpc.id, subnets.map((subnet) => subnet.id)];
  }

  #tags(suffix: string): { Name: string } {
    return { Name: `${this.#args.names.prefix}-${suffix}` };
  }

  #lookUpZones(): pulumi.Output<string[]> {
    const found = aws.getAvailabilityZonesOutput(
      {
        state: 'available',
        // Local and Wavelength zones are opt-in and have neither RDS nor Lambda.
        filters: [{ name: 'opt-in-status', values: ['opt-in-not-required'] }],
      },
      { parent: this },
    );
    return found.names;
  }

  #zone({ zones }: OwnNetwork, index: number): pulumi.Output<string> {
    return zones.apply((names) => {
      const zone = [...names].sort()[index];
      if (zone === undefined) {
        throw new pulumi.RunError(
          `logline:network.zones: expected at most ${names.length}, the number of zones in this region`,
        );
      }
      return zone;
    });
  }

  #createVpc(name: string): aws.ec2.Vpc {
    return new aws.ec2.Vpc(
      name,
      {
        cidrBlock: this.#args.settings.cidr,
        assignGeneratedIpv6CidrBlock: true,
        enableDnsSupport: true,
        enableDnsHostnames: true,
        tags: this.#tags('vpc'),
      },
      { parent: this },
    );
  }

  /** Empties the VPC's default group, which anything created by hand without a group gets. */
  #closeDefaultGroup(name: string, { vpc }: OwnNetwork): void {
    new aws.ec2.DefaultSecurityGroup(
      name,
      { vpcId: vpc.id, ingress: [], egress: [], tags: this.#tags('closed') },
      { parent: this },
    );
  }

  #createPrivateSubnets(name: string, own: OwnNetwork): aws.ec2.Subnet[] {
    return Array.from({ length: this.#args.settings.zones }, (_, zone) => {
      return new aws.ec2.Subnet(
        `${name}-private-${zone}`,
        {
          vpcId: own.vpc.id,
          availabilityZone: this.#zone(own, zone),
          cidrBlock: ipv4Subnet(own.block, PART_BITS, zone),
          ipv6CidrBlock: own.vpc.ipv6CidrBlock.apply((block) => ipv6Subnet(block, zone)),
          assignIpv6AddressOnCreation: true,
          mapPublicIpOnLaunch: false,
          tags: this.#tags(`private-${zone}`),
        },
        { parent: this },
      );
    });
  }

  #createNatGateways(name: string, own: OwnNetwork): aws.ec2.NatGateway[] {
    const { settings } = this.#args;
    const internet = new aws.ec2.InternetGateway(
      name,
      { vpcId: own.vpc.id, tags: this.#tags('internet') },
      { parent: this },
    );
    const routes = new aws.ec2.RouteTable(
      `${name}-public`,
      {
        vpcId: own.vpc.id,
        routes: [{ cidrBlock: '0.0.0.0/0', gatewayId: internet.id }],
        tags: this.#tags('public'),
      },
      { parent: this },
    );
    const count = settings.natGateways === 'per-zone' ? settings.zones : 1;
    return Array.from({ length: count }, (_, zone) =>
      this.#createNatGateway(name, own, zone, routes, internet),
    );
  }

  #createNatGateway(
    name: string,
    own: OwnNetwork,
    zone: number,
    routes: aws.ec2.RouteTable,
    internet: aws.ec2.InternetGateway,
  ): aws.ec2.NatGateway {
    const subnet = new aws.ec2.Subnet(
      `${name}-public-${zone}`,
      {
        vpcId: own.vpc.id,
        availabilityZone: this.#zone(own, zone),
        cidrBlock: ipv4Subnet(own.block, PART_BITS, FIRST_PUBLIC_PART + zone),
        mapPublicIpOnLaunch: false,
        tags: this.#tags(`public-${zone}`),
      },
      { parent: this },
    );
    const route = new aws.ec2.RouteTableAssociation(
      `${name}-public-${zone}`,
      { subnetId: subnet.id, routeTableId: routes.id },
      { parent: this },
    );
    const address = new aws.ec2.Eip(
      `${name}-nat-${zone}`,
      { domain: 'vpc', tags: this.#tags(`nat-${zone}`) },
      { parent: this, dependsOn: [internet] },
    );
    return new aws.ec2.NatGateway(
      `${name}-${zone}`,
      { subnetId: subnet.id, allocationId: address.id, tags: this.#tags(`nat-${zone}`) },
      { parent: this, dependsOn: [route] },
    );
  }

  #createPrivateRoutes(
    name: string,
    own: OwnNetwork,
    subnets: aws.ec2.Subnet[],
    egressOnly: aws.ec2.EgressOnlyInternetGateway,
    gateways: aws.ec2.NatGateway[],
  ): void {
    for (const [zone, subnet] of subnets.entries()) {
      const gateway = gateways[zone] ?? gateways[0];
      const routes = [{ ipv6CidrBlock: '::/0', egressOnlyGatewayId: egressOnly.id }];
      const table = new aws.ec2.RouteTable(
        `${name}-private-${zone}`,
        {
          vpcId: own.vpc.id,
          routes:
            gateway === undefined
              ? routes
              : [...routes, { cidrBlock: '0.0.0.0/0', natGatewayId: gateway.id }],
          tags: this.#tags(`private-${zone}`),
        },
        { parent: this },
      );
      new aws.ec2.RouteTableAssociation(
        `${name}-private-${zone}`,
        { subnetId: subnet.id, routeTableId: table.id },
        { parent: this },
      );
    }
  }

  #createSecurityGroups(name: string): [aws.ec2.SecurityGroup, aws.ec2.SecurityGroup] {
    const functions = this.#createSecurityGroup(
      `${name}-functions`,
      'functions',
      'Functions: nothing comes in',
    );
    const database = this.#createSecurityGroup(`${name}-database`, 'database', 'Database: functions only');
    const postgres = { ipProtocol: 'tcp', fromPort: 5432, toPort: 5432 };
    const https = { ipProtocol: 'tcp', fromPort: 443, toPort: 443 };
    new aws.vpc.SecurityGroupIngressRule(
      `${name}-database-from-functions`,
      {
        securityGroupId: database.id,
        referencedSecurityGroupId: functions.id,
        ...postgres,
        description: 'PostgreSQL from the functions',
      },
      { parent: this },
    );
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-functions-to-database`,
      {
        securityGroupId: functions.id,
        referencedSecurityGroupId: database.id,
        ...postgres,
        description: 'PostgreSQL',
      },
      { parent: this },
    );
    const anywhere = { ipv4: { cidrIpv4: '0.0.0.0/0' }, ipv6: { cidrIpv6: '::/0' } };
    for (const [family, range] of Object.entries(anywhere)) {
      new aws.vpc.SecurityGroupEgressRule(
        `${name}-functions-https-${family}`,
        {
          securityGroupId: functions.id,
          ...range,
          ...https,
          description: 'AWS endpoints, the OIDC issuer and providers',
        },
        { parent: this },
      );
    }
    return [functions, database];
  }

  #createSecurityGroup(name: string, suffix: string, description: string): aws.ec2.SecurityGroup {
    // No inline rules, which would conflict with the rule resources; leaving them unset also drops AWS's allow-all egress.
    return new aws.ec2.SecurityGroup(
      name,
      {
        name: this.#args.names.of('group', suffix),
        description,
        vpcId: this.vpcId,
        tags: this.#tags(suffix),
      },
      { parent: this },
    );
  }
}

import { isPrivateBlock, parseIpv4Block } from './cidr';
import type { SettingsReader } from './settings-reader';

/** How functions in the private subnets reach the internet. */
export type Egress = 'ipv6' | 'nat';

/** `logline:network` */
export interface NetworkSettings {
  /** IPv4 range of the VPC, /16 to /22 within RFC 1918. Defaults to `10.60.0.0/16`. */
  readonly cidr: string;
  /** Zones with a private subnet each, 2 or 3. Defaults to 2. */
  readonly zones: number;
  /**
   * `ipv6` (default): an egress-only gateway, free of charge, reaches hosts that have an IPv6 address.
   * `nat`: NAT gateways as well, for hosts that have none; from $36.50 a month each.
   */
  readonly egress: Egress;
  /** NAT gateways with `egress: nat`: `one` (default), or one `per-zone`, which survives the loss of a zone. */
  readonly natGateways: 'one' | 'per-zone';
  /** A VPC that is there already, in place of one of our own; then `cidr`, `zones` and `natGateways` have no meaning. */
  readonly existing: ExistingNetwork | undefined;
}

/** Where to go in a network that somebody else keeps. */
export interface ExistingNetwork {
  /** `vpc-…`; defaults to none. */
  readonly vpcId: string;
  /**
   * Private subnets, one a zone, two at least. Whoever keeps them sees to the way out: port 443 to Secrets Manager, SQS, Lambda
   * and providers, by the family that `egress` says.
   */
  readonly subnetIds: readonly string[];
}

export function readNetwork(root: SettingsReader): NetworkSettings {
  const reader = root.object('network', [...OWN_NETWORK, 'egress', 'vpcId', 'subnetIds']);
  const existing = readExisting(reader);
  const cidr = reader.text('cidr', /^[\d./]+$/, 'an IPv4 range such as 10.60.0.0/16', '10.60.0.0/16');
  const block = parseIpv4Block(cidr);
  if (block === undefined || !isPrivateBlock(block) || block.bits < 16 || block.bits > 22) {
    reader.fault('cidr', `expected a private IPv4 range from /16 to /22 without host bits; got "${cidr}"`);
  }
  const egress = reader.oneOf('egress', ['ipv6', 'nat'], 'ipv6');
  if (egress === 'ipv6' && reader.has('natGateways')) {
    reader.fault('natGateways', 'has no meaning with egress ipv6; remove it or set egress to nat');
  }
  return {
    cidr,
    zones: reader.integer('zones', { min: 2, max: 3, fallback: 2 }),
    egress,
    natGateways: reader.oneOf('natGateways', ['one', 'per-zone'], 'one'),
    existing,
  };
}

/** Settings of a VPC of our own. */
const OWN_NETWORK = ['cidr', 'zones', 'natGateways'];

function readExisting(reader: SettingsReader): ExistingNetwork | undefined {
  if (!reader.has('vpcId') && !reader.has('subnetIds')) return undefined;
  const vpcId = reader.text(
    'vpcId',
    /^vpc-[0-9a-f]{8,17}$/,
    'the id of a VPC, such as vpc-0123456789abcdef0',
    '',
  );
  const subnetIds = reader.texts('subnetIds', /^subnet-[0-9a-f]{8,17}$/, 'the id of a subnet', []);
  if (vpcId === '' && !reader.has('vpcId')) reader.fault('vpcId', 'is needed beside subnetIds');
  if (new Set(subnetIds).size < 2 || subnetIds.length > 6)
    reader.fault('subnetIds', 'expected two to six private subnets, each in a zone of its own');
  for (const key of OWN_NETWORK.filter((name) => reader.has(name)))
    reader.fault(key, 'has no meaning in a VPC that is there already; remove it, or vpcId and subnetIds');
  return { vpcId, subnetIds };
}

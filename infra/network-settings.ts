import { isPrivateBlock, parseIpv4Block } from './cidr';
import type { SettingsReader } from './settings-reader';

/** How functions in the private subnets reach the internet. */
export type Egress = 'ipv6' | 'nat';

/** `logline:network`: VPC, zones and egress. */
export interface NetworkSettings {
  /** IPv4 range of the VPC, /16 to /22 within RFC 1918. Defaults to `10.60.0.0/16`. */
  readonly cidr: string;
  /** Number of availability zones, each with a private subnet, 2 or 3. Defaults to 2. */
  readonly zones: number;
  /**
   * `ipv6` (default): an egress-only gateway, free of charge, for hosts that have an IPv6 address.
   * `nat`: also NAT gateways, for hosts with IPv4 only; from $36.50 a month each.
   */
  readonly egress: Egress;
  /** With `egress: nat`: `one` gateway (default), or one `per-zone`, which survives the loss of a zone. */
  readonly natGateways: 'one' | 'per-zone';
  /** An existing VPC, which replaces `cidr`, `zones` and `natGateways`. Defaults to none: the stack creates a VPC. */
  readonly existing: ExistingNetwork | undefined;
}

/** Subnets of a VPC that the stack does not manage. */
export interface ExistingNetwork {
  /** Id of the VPC, `vpc-…`. Defaults to none. */
  readonly vpcId: string;
  /**
   * Two to six private subnets, one a zone. They must route port 443 to Secrets Manager, SQS, Lambda and providers, over
   * the address family of `egress`; with `ipv6` each needs an IPv6 range. Required with `vpcId`.
   */
  readonly subnetIds: readonly string[];
}

/** Reads the group `network`; faults go to the reader. */
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

/** Settings that only a VPC of the stack's own has. */
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
    reader.fault(key, 'has no meaning in a VPC that exists already; remove it, or vpcId and subnetIds');
  return { vpcId, subnetIds };
}

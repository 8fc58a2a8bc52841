/**
 * Address arithmetic for the network: pure, so that it is tested without Pulumi.
 */

/** An IPv4 block, `10.20.0.0/16`. */
export interface Ipv4Block {
  /** The first address, as an unsigned 32-bit number. */
  readonly address: number;
  /** Length of the prefix, 0–32. */
  readonly bits: number;
}

/**
 * Reads an IPv4 block in CIDR notation.
 *
 * @returns undefined when the text is none, or has host bits set (`10.0.0.1/16`).
 */
export function parseIpv4Block(text: string): Ipv4Block | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) {
    return undefined;
  }
  const octets = match.slice(1, 5).map(Number);
  const bits = Number(match[5]);
  if (octets.some((octet) => octet > 255) || bits > 32) {
    return undefined;
  }
  const address = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return address % 2 ** (32 - bits) === 0 ? { address, bits } : undefined;
}

/** True when the block lies in the private ranges of RFC 1918. */
export function isPrivateBlock(block: Ipv4Block): boolean {
  return ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].some((text) => {
    const range = parseIpv4Block(text);
    return (
      range !== undefined &&
      block.bits >= range.bits &&
      Math.floor(block.address / 2 ** (32 - range.bits)) ===
        Math.floor(range.address / 2 ** (32 - range.bits))
    );
  });
}

/**
 * The `index`-th of the `2^newBits` equal parts of a block, in CIDR notation.
 *
 * @throws RangeError when there is no such part.
 */
export function ipv4Subnet(block: Ipv4Block, newBits: number, index: number): string {
  const bits = block.bits + newBits;
  if (bits > 32 || index < 0 || index >= 2 ** newBits) {
    throw new RangeError(`subnet ${index} of ${2 ** newBits} does not exist in a /${block.bits}`);
  }
  const address = block.address + index * 2 ** (32 - bits);
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256);
  return `${octets.join('.')}/${bits}`;
}

/**
 * The `index`-th /64 of the /56 that AWS gives a VPC: `2600:1f18:abcd:1200::/56`, 3 → `2600:1f18:abcd:1203::/64`.
 *
 * @throws RangeError when `block` is no /56 in the form AWS writes it, or index is not 0–255.
 */
export function ipv6Subnet(block: string, index: number): string {
  const match = /^([0-9a-f]{1,4}:[0-9a-f]{1,4}:[0-9a-f]{1,4}):([0-9a-f]{1,4})?::?\/56$/.exec(block);
  const fourth = Number.parseInt(match?.[2] ?? '0', 16);
  if (match === null || fourth % 256 !== 0 || index < 0 || index > 255) {
    throw new RangeError(`expected an IPv6 /56 and an index from 0 to 255; got "${block}" and ${index}`);
  }
  return `${match[1]}:${(fourth + index).toString(16)}::/64`;
}

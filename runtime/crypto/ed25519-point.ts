import { portableBytes } from './portable-hex';

// Point encodings that LogLine refuses before any arithmetic. RFC 8032 leaves room that libraries fill differently:
// older OpenSSL accepts a public key with an unreduced y or of small order; libsodium and noble's strict mode do not. A
// signature that one verifier accepts and another refuses is no evidence, so LogLine accepts only what all of them
// accept ("Taming the many EdDSAs", https://eprint.iacr.org/2020/1244, section 5).

/**
 * The y coordinates, little-endian and with the sign bit cleared, of the eight points of small order:
 * 0 (order 4), 1 (the identity), p − 1 (order 2) and the two of order 8.
 */
const SMALL_ORDER_Y: readonly Uint8Array[] = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map(portableBytes);

/** Whether 32 bytes encode a point of small order, or a y that is not below p = 2^255 − 19. */
export function isRefusedPoint(bytes: Uint8Array): boolean {
  return isUnreduced(bytes) || SMALL_ORDER_Y.some((y) => isSameY(bytes, y));
}

function isUnreduced(bytes: Uint8Array): boolean {
  if (((bytes[31] ?? 0) & 0x7f) !== 0x7f || (bytes[0] ?? 0) < 0xed) return false;
  for (let index = 30; index > 0; index -= 1) {
    if (bytes[index] !== 0xff) return false;
  }
  return true;
}

function isSameY(bytes: Uint8Array, y: Uint8Array): boolean {
  for (let index = 0; index < 31; index += 1) {
    if (bytes[index] !== y[index]) return false;
  }
  return ((bytes[31] ?? 0) & 0x7f) === y[31];
}

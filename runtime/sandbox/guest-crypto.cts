import type { GuestCrypto } from './worker-parts';

const { Buffer }: typeof import('node:buffer') = require('node:buffer');
const {
  createPrivateKey,
  createPublicKey,
  sign,
  verify,
}: typeof import('node:crypto') = require('node:crypto');
const { blake3 }: typeof import('@noble/hashes/blake3.js') = require('@noble/hashes/blake3.js');

/** DER headers in front of the 32 raw bytes of an Ed25519 key (RFC 8410). */
const PKCS8_HEADER = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_HEADER = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

function sized(bytes: Uint8Array, length: number, what: string): Uint8Array {
  if (bytes.length !== length) throw new TypeError(`${what}: expected ${length} bytes, got ${bytes.length}`);
  return bytes;
}

function secretKeyOf(seed: Uint8Array) {
  const key = Buffer.concat([PKCS8_HEADER, sized(seed, KEY_BYTES, 'secretKey')]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

function publicKeyOf(bytes: Uint8Array) {
  const key = Buffer.concat([SPKI_HEADER, sized(bytes, KEY_BYTES, 'publicKey')]);
  return createPublicKey({ key, format: 'der', type: 'spki' });
}

const guestCrypto: GuestCrypto = (op, args) => {
  const [first = new Uint8Array(), second = new Uint8Array(), third = new Uint8Array()] = args;
  switch (op) {
    case 'blake3':
      return blake3(first);
    case 'sign':
      return sign(null, first, secretKeyOf(second));
    case 'verify':
      return verify(null, second, publicKeyOf(third), sized(first, SIGNATURE_BYTES, 'signature'));
    case 'publicKey': {
      const spki = createPublicKey(secretKeyOf(first)).export({ format: 'der', type: 'spki' });
      return spki.subarray(SPKI_HEADER.length);
    }
    default:
      throw new TypeError(`no such function: ${op}`);
  }
};

module.exports = { guestCrypto };

import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import * as noble from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import { LruCache } from '../base/lru-cache';
import { blake3 } from './blake3';
import { PKCS8_PREFIX_HEX, SPKI_PREFIX_HEX } from './ed25519-der';
import { isRefusedPoint } from './ed25519-point';
import { hex } from './hex';

noble.hashes.sha512 = sha512;

/** Length of a secret key (the RFC 8032 seed) and of a public key, in bytes. */
export const KEY_BYTES = 32;
/** Length of a signature, in bytes. */
export const SIGNATURE_BYTES = 64;

/** Ed25519 of RFC 8032 section 5.1 (no context, no pre-hash), on raw keys. */
export interface Ed25519 {
  /**
   * Signs a message.
   * @param secretKey the 32-byte seed.
   * @throws TypeError when the secret key is not 32 bytes.
   */
  sign(message: Uint8Array, secretKey: Uint8Array): Uint8Array;
  /**
   * Whether a signature is valid. Wrong bytes of any length give false, never an error.
   *
   * Accepts exactly when: the lengths are 64 and 32; S < L; the public key and R decode with y < p and are not of
   * small order; and [S]B = R + [k]A, without multiplying by the cofactor. This is the strictest reading in use:
   * a signature accepted here is accepted by OpenSSL, libsodium, Go, noble and under ZIP 215.
   */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
  /**
   * The public key of a secret key.
   * @throws TypeError when the secret key is not 32 bytes.
   */
  publicKey(secretKey: Uint8Array): Uint8Array;
}

const PKCS8_PREFIX = Buffer.from(PKCS8_PREFIX_HEX, 'hex');
const SPKI_PREFIX = Buffer.from(SPKI_PREFIX_HEX, 'hex');

// Parsing a key costs about as much as using it. A batch has at most 1,000 spans, hence signers; a process signs with
// a handful of keys.
const publicKeys = new LruCache<KeyObject>(1024);
const secretKeys = new LruCache<KeyObject>(64);

/** A node:crypto key from the 32-byte seed. @throws TypeError when it is not 32 bytes */
export function secretKeyObject(secretKey: Uint8Array): KeyObject {
  assertSecretKey(secretKey);
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, secretKey]), format: 'der', type: 'pkcs8' });
}

/** A node:crypto key from the 32 raw bytes of a public key. @throws TypeError when it is not 32 bytes */
export function publicKeyObject(publicKey: Uint8Array): KeyObject {
  if (!isBytes(publicKey, KEY_BYTES)) throw new TypeError('ed25519: expected a public key of 32 bytes');
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });
}

/** The raw 32 bytes of a node:crypto Ed25519 key's public half. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  const publicHalf = key.type === 'private' ? createPublicKey(key) : key;
  return Uint8Array.from(publicHalf.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length));
}

/** Ed25519 by OpenSSL through node:crypto, about ten times as fast as noble. */
export const ed25519: Ed25519 = {
  sign(message, secretKey) {
    assertSecretKey(secretKey);
    // The cache is keyed by a hash, so that no secret sits in the JavaScript heap as a string.
    const cacheKey = hex(blake3(secretKey));
    let key = secretKeys.get(cacheKey);
    if (key === undefined) {
      key = secretKeyObject(secretKey);
      secretKeys.set(cacheKey, key);
    }
    return bytesOf(sign(null, message, key));
  },

  verify(signature, message, publicKey) {
    const key = verifyingKey(signature, publicKey);
    return key !== undefined && verify(null, message, key, signature);
  },

  publicKey(secretKey) {
    return rawPublicKey(secretKeyObject(secretKey));
  },
};

/**
 * `ed25519.verify` on libuv's thread pool, so that several signatures are checked in parallel and the main thread
 * spends a tenth of the time on each. Decides exactly as `verify` does.
 */
export function verifyAsync(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): Promise<boolean> {
  const key = verifyingKey(signature, publicKey);
  if (key === undefined) return Promise.resolve(false);
  return new Promise((resolve, reject) => {
    verify(null, message, key, signature, (error, isGood) => {
      if (error === null) resolve(isGood);
      else reject(error);
    });
  });
}

/** The key to check a signature with; undefined when the signature's or key's encoding is refused. */
export function verifyingKey(signature: Uint8Array, publicKey: Uint8Array): KeyObject | undefined {
  if (!isBytes(signature, SIGNATURE_BYTES) || !isBytes(publicKey, KEY_BYTES)) return undefined;
  // OpenSSL checks S < L and compares R byte by byte, so an unreduced R never passes; the rest is checked here.
  if (isRefusedPoint(publicKey) || isRefusedPoint(signature)) return undefined;
  const cacheKey = hex(publicKey);
  let key = publicKeys.get(cacheKey);
  if (key === undefined) {
    key = publicKeyObject(publicKey);
    publicKeys.set(cacheKey, key);
  }
  return key;
}

/** The portable reference that {@link ed25519} is tested equal to. */
export const nobleEd25519: Ed25519 = {
  sign(message, secretKey) {
    assertSecretKey(secretKey);
    return noble.sign(message, secretKey);
  },

  verify(signature, message, publicKey) {
    if (!isBytes(signature, SIGNATURE_BYTES) || !isBytes(publicKey, KEY_BYTES)) return false;
    if (!noble.verify(signature, message, publicKey, { zip215: false })) return false;
    return isCofactorlessSignature(signature, message, publicKey);
  },

  publicKey(secretKey) {
    assertSecretKey(secretKey);
    return noble.getPublicKey(secretKey);
  },
};

/**
 * The checks that noble's strict mode lacks: it multiplies both sides by the cofactor, so it accepts a key or an R
 * with a small-order component, which OpenSSL refuses; and it accepts an R of small order, which libsodium refuses.
 */
function isCofactorlessSignature(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  const { n: order } = noble.Point.CURVE();
  const a = noble.Point.fromBytes(publicKey);
  const r = noble.Point.fromBytes(signature.subarray(0, 32));
  if (r.isSmallOrder()) return false;
  const s = littleEndian(signature.subarray(32));
  const k = littleEndian(sha512(Buffer.concat([signature.subarray(0, 32), publicKey, message]))) % order;
  const expected = noble.Point.BASE.multiply(s, false).subtract(a.multiply(k, false));
  return expected.equals(r);
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${hex(Uint8Array.from(bytes).reverse())}`);
}

function isBytes(value: unknown, length: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === length;
}

function assertSecretKey(secretKey: Uint8Array): void {
  if (!isBytes(secretKey, KEY_BYTES)) throw new TypeError('ed25519: expected a secret key of 32 bytes');
}

function bytesOf(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

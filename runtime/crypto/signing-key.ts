import { type KeyObject, randomBytes, sign } from 'node:crypto';
import { inspect } from 'node:util';
import { KEY_BYTES, rawPublicKey, secretKeyObject } from './ed25519';
import { hex, toU8 } from './hex';
import { SigningThread } from './signing-thread';

/** One per process: it signs faster than PostgreSQL takes spans. */
const signingThread = new SigningThread();

/**
 * An Ed25519 key that signs. It cannot be logged by accident: `JSON.stringify`, `console.log` and enumeration show
 * the public key only.
 */
export class SigningKey {
  /** The 32 bytes of the public key in lower-case hex. */
  readonly publicKeyHex: string;
  readonly #secretKey: Uint8Array;
  readonly #key: KeyObject;

  /** @throws TypeError when `secretKey` (the RFC 8032 seed) is not 32 bytes. */
  constructor(secretKey: Uint8Array) {
    this.#key = secretKeyObject(secretKey);
    this.#secretKey = Uint8Array.from(secretKey);
    this.publicKeyHex = hex(rawPublicKey(this.#key));
  }

  /** The 64-byte signature of a message; for a span, the message is the 32 bytes of its hash. */
  sign(message: Uint8Array): Uint8Array {
    return Uint8Array.from(sign(null, message, this.#key));
  }

  /**
   * {@link sign} for many hashes, on another thread.
   * @param hashes 32 bytes each
   * @returns their 64-byte signatures, in order
   * @throws TypeError for a hash of another length
   */
  signOnThread(hashes: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    return signingThread.sign(this.#key, hashes);
  }

  /** The secret seed in hex, for a key file or a kernel that the manifest lets read it. Never log or return it. */
  secretKeyHex(): string {
    return hex(this.#secretKey);
  }

  /** The secret key as node:crypto and `jose` take it. */
  keyObject(): KeyObject {
    return this.#key;
  }

  toJSON(): { publicKeyHex: string } {
    return { publicKeyHex: this.publicKeyHex };
  }

  [inspect.custom](): string {
    return `SigningKey { publicKeyHex: '${this.publicKeyHex}' }`;
  }
}

/**
 * A signing key from the hex of its 32-byte seed.
 * @throws TypeError when the text is not 64 hex digits; the message never contains the text
 */
export function signingKeyFromHex(seedHex: string): SigningKey {
  const seed = toU8(seedHex);
  if (seed.length !== KEY_BYTES) throw new TypeError(`signing key: expected 32 bytes, got ${seed.length}`);
  return new SigningKey(seed);
}

/** A new signing key from the system's random source. */
export function generateSigningKey(): SigningKey {
  return new SigningKey(randomBytes(KEY_BYTES));
}

import { MalformedError } from '../base/errors';
import { portableHex } from '../crypto/portable-hex';
import { fromBase64, toBase64 } from './base64';
import type { Sha256 } from './merkle-hash';

/**
 * Verifier keys of https://c2sp.org/signed-note: `<name>+<key id in hex>+<base64 of type and public key>`. Type 0x01 is
 * Ed25519 over the note's text; type 0x04 is a witness's Ed25519 over text and time (https://c2sp.org/tlog-cosignature).
 */
export interface VerifierKey {
  readonly name: string;
  readonly type: typeof SIGNER | typeof COSIGNER;
  /** The first four bytes of a hash of name, type and key, which a signature repeats. */
  readonly id: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** Type of a key that signs notes. */
export const SIGNER = 0x01;
/** Type of a witness's key. */
export const COSIGNER = 0x04;

const PUBLIC_KEY_BYTES = 32;
const encoder = new TextEncoder();

/** Form of a key's name, as a signature line allows it: no white space and no plus sign. */
export function isKeyName(name: string): boolean {
  return name !== '' && name.isWellFormed() && !/[\s+\p{Cc}\p{White_Space}]/u.test(name);
}

/**
 * A verifier key from its parts.
 * @throws MalformedError when the name is not a key's name or the key is not 32 bytes
 */
export function verifierKey(
  sha256: Sha256,
  name: string,
  type: VerifierKey['type'],
  publicKey: Uint8Array,
): VerifierKey {
  if (!isKeyName(name)) {
    throw new MalformedError(`A key's name has no white space and no plus sign, unlike "${name}".`);
  }
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new MalformedError('An Ed25519 public key has 32 bytes.');
  const id = sha256(encoder.encode(`${name}\n`), Uint8Array.of(type), publicKey).slice(0, 4);
  return { name, type, id, publicKey };
}

/** The text of a verifier key. */
export function verifierKeyText({ name, type, id, publicKey }: VerifierKey): string {
  return `${name}+${portableHex(id)}+${toBase64(Uint8Array.of(type, ...publicKey))}`;
}

/**
 * Reads a verifier key.
 * @throws MalformedError when it is none, of another type, or when its id is not that of its key
 */
export function parseVerifierKey(sha256: Sha256, text: string): VerifierKey {
  const [, name = '', id = '', base64 = ''] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/u.exec(text) ?? [];
  const bytes = fromBase64(base64);
  const type = bytes?.[0];
  if (name === '' || bytes === undefined || bytes.length !== 1 + PUBLIC_KEY_BYTES) {
    throw new MalformedError(
      'A verifier key is name+id+key, with 8 hexadecimal digits and base64 of 33 bytes.',
    );
  }
  if (type !== SIGNER && type !== COSIGNER) {
    throw new MalformedError(
      `The verifier key of ${name} is of type ${type}; known are 1 (Ed25519) and 4 (witness).`,
    );
  }
  const key = verifierKey(sha256, name, type, bytes.slice(1));
  if (portableHex(key.id) !== id) {
    throw new MalformedError(
      `The verifier key of ${name} says id ${id}, its key has ${portableHex(key.id)}: mistyped?`,
    );
  }
  return key;
}

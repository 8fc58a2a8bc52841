import { hkdfSync } from 'node:crypto';
import { KEY_BYTES } from '../crypto/ed25519';
import { toU8 } from '../crypto/hex';
import { SigningKey } from '../crypto/signing-key';

/** The HKDF `info` that separates the token key from every other use of the instance key. */
export const TOKEN_KEY_LABEL = 'logline/token/v1';

const derived = new WeakMap<SigningKey, SigningKey>();

/**
 * The key that signs API tokens: HKDF-SHA-256 (RFC 5869) of the instance key's seed, no salt, `info` =
 * {@link TOKEN_KEY_LABEL}, 32 bytes, used as an Ed25519 seed. A stolen token key can mint tokens but not sign spans,
 * and a span signature can never be passed off as a token.
 */
export function tokenKeyOf(instanceKey: SigningKey): SigningKey {
  let key = derived.get(instanceKey);
  if (key === undefined) {
    key = new SigningKey(deriveSeed(toU8(instanceKey.secretKeyHex()), TOKEN_KEY_LABEL));
    derived.set(instanceKey, key);
  }
  return key;
}

/** 32 bytes of HKDF-SHA-256 with an empty salt. */
export function deriveSeed(seed: Uint8Array, label: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', seed, new Uint8Array(0), label, KEY_BYTES));
}

import { getPublicKey, hashes, sign, verify } from '@noble/ed25519';
import { blake3 } from '@noble/hashes/blake3.js';
import { sha512 } from '@noble/hashes/sha2.js';

hashes.sha512 = sha512;

/**
 * An independent implementation of docs/format.md, with its own canonical form and noble for the rest. It imports nothing of
 * `runtime/`, so that both agree only if both are right or wrong in the same way.
 */

type Members = { readonly [member: string]: unknown };

/** RFC 8785, straight from its three rules. */
export function jcs(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jcs).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${jcs(member)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** The 32 bytes of `curr_hash`. */
export function spanHash(span: Members): Uint8Array {
  const payload = Object.entries(span).filter(
    ([name, value]) => value !== null && value !== undefined && !['curr_hash', 'signature'].includes(name),
  );
  return blake3(Buffer.from(jcs(Object.fromEntries(payload)), 'utf8'));
}

/** The span with public_key, curr_hash and signature. */
export function seal(span: Members, secretKey: Uint8Array): Members {
  const unsigned = { ...span, public_key: Buffer.from(getPublicKey(secretKey)).toString('hex') };
  const hash = spanHash(unsigned);
  return {
    ...unsigned,
    curr_hash: Buffer.from(hash).toString('hex'),
    signature: Buffer.from(sign(hash, secretKey)).toString('hex'),
  };
}

/** Whether hash and signature match the content. */
export function isSealed(span: Members): boolean {
  const hash = spanHash(span);
  return (
    Buffer.from(hash).toString('hex') === span.curr_hash &&
    verify(Buffer.from(String(span.signature), 'hex'), hash, Buffer.from(String(span.public_key), 'hex'))
  );
}

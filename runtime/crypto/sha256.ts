import { hash } from 'node:crypto';

/** The 32-byte SHA-256 (FIPS 180-4) of the concatenated parts. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return hash('sha256', parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts), 'buffer');
}

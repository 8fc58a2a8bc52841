import { blake3 } from '@noble/hashes/blake3.js';

/** BLAKE3-256 without WebAssembly or Node: the reference that `blake3` is tested equal to. */
export function nobleBlake3(bytes: Uint8Array): Uint8Array {
  return blake3(bytes);
}

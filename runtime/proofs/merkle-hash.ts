/**
 * The hashes of a Merkle tree as RFC 6962 section 2.1 has them. Nothing in here or in what verifies proofs imports
 * Node: the client is bundled from the same files.
 */

/** SHA-256 of the parts, one after the other: 32 bytes, or a promise of them where only WebCrypto hashes. */
export type Sha256<Hash = Uint8Array> = (...parts: readonly Uint8Array[]) => Hash;

/** Length of every hash in a tree, in bytes. */
export const HASH_BYTES = 32;

const LEAF_PREFIX = Uint8Array.of(0);
const NODE_PREFIX = Uint8Array.of(1);

/** The root of the tree without leaves: the hash of nothing. */
export function emptyRoot(sha256: Sha256): Uint8Array {
  return sha256();
}

/** The hash of a leaf, from its data. */
export function leafHash<Hash>(sha256: Sha256<Hash>, data: Uint8Array): Hash {
  return sha256(LEAF_PREFIX, data);
}

/** The hash of the node above two others. */
export function nodeHash<Hash>(sha256: Sha256<Hash>, left: Uint8Array, right: Uint8Array): Hash {
  return sha256(NODE_PREFIX, left, right);
}

/** Whether two byte strings are the same. They are public, so this takes no care of its time. */
export function isSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

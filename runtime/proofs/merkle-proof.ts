import { emptyRoot, HASH_BYTES, isSameBytes, nodeHash, type Sha256 } from './merkle-hash';

// Positions and sizes are integers up to 2^53, so halves are taken with Math.floor: bit operators stop at 2^31.

/** What an inclusion proof claims: the leaf with this hash is at `index` of the tree with this size and root. */
export interface InclusionClaim {
  readonly leaf: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly root: Uint8Array;
}

/** What a consistency proof claims: the tree of size `to` begins with the tree of size `from`. */
export interface ConsistencyClaim {
  readonly from: number;
  readonly fromRoot: Uint8Array;
  readonly to: number;
  readonly toRoot: Uint8Array;
}

/**
 * Whether `hashes` (leaf to root) prove an inclusion (RFC 9162 section 2.1.3.2). Never throws for wrong bytes or
 * numbers.
 */
export async function verifyInclusion(
  sha256: Sha256<Uint8Array | Promise<Uint8Array>>,
  claim: InclusionClaim,
  hashes: readonly Uint8Array[],
): Promise<boolean> {
  const { leaf, index, size, root } = claim;
  if (!isPosition(index) || !isPosition(size) || index >= size) return false;
  if (![leaf, root, ...hashes].every(isHash)) return false;
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of hashes) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      hash = await nodeHash(sha256, sibling, hash);
      // A node without a right sibling has the same hash on the level above.
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = await nodeHash(sha256, hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && isSameBytes(hash, root);
}

/**
 * Whether `hashes` prove a consistency (RFC 9162 section 2.1.4.2). From an empty tree only the empty proof is good,
 * as tlog-witness has it. Never throws for wrong bytes or numbers.
 */
export function verifyConsistency(
  sha256: Sha256,
  claim: ConsistencyClaim,
  hashes: readonly Uint8Array[],
): boolean {
  const { from, fromRoot, to, toRoot } = claim;
  if (!isPosition(from) || !isPosition(to) || from > to) return false;
  if (from === 0 && !isSameBytes(fromRoot, emptyRoot(sha256))) return false;
  if (from === to) return hashes.length === 0 && isSameBytes(fromRoot, toRoot);
  if (![fromRoot, toRoot, ...hashes].every(isHash)) return false;
  if (from === 0) return hashes.length === 0;
  return walkConsistency(sha256, claim, hashes);
}

function walkConsistency(sha256: Sha256, claim: ConsistencyClaim, hashes: readonly Uint8Array[]): boolean {
  let node = claim.from - 1;
  let last = claim.to - 1;
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  // An old tree that is one complete subtree of the new one is where the walk begins, and not in the proof.
  const path = node === 0 ? [claim.fromRoot, ...hashes] : hashes;
  const [first, ...rest] = path;
  if (first === undefined) return false;
  let oldHash = first;
  let newHash = first;
  for (const sibling of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      oldHash = nodeHash(sha256, sibling, oldHash);
      newHash = nodeHash(sha256, sibling, newHash);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      newHash = nodeHash(sha256, newHash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && isSameBytes(oldHash, claim.fromRoot) && isSameBytes(newHash, claim.toRoot);
}

function half(number: number): number {
  return Math.floor(number / 2);
}

function isPosition(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0;
}

function isHash(bytes: Uint8Array): boolean {
  return bytes.length === HASH_BYTES;
}

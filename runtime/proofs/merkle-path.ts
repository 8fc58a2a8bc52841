import { MalformedError } from '../base/errors';
import { nodeHash, type Sha256 } from './merkle-hash';

/**
 * A node over 2^level leaves that are all there: the leaves from index × 2^level on. Its hash never changes once the
 * log has reached them.
 */
export interface CompleteNode {
  readonly level: number;
  readonly index: number;
}

/** The leaves from `begin` up to, but not including, `end`. */
interface Range {
  readonly begin: number;
  readonly end: number;
}

/** One hash of a proof: the nodes it is folded from, from left to right. One node is its own hash. */
export type ProofStep = readonly CompleteNode[];

/**
 * The steps of an inclusion proof, from leaf to root (RFC 6962 section 2.1.1).
 * @throws MalformedError when there is no such leaf in a tree of this size
 */
export function inclusionPath(index: number, size: number): readonly ProofStep[] {
  if (!isPosition(index) || !isPosition(size) || index >= size) {
    throw new MalformedError(`A tree of ${size} leaves has no leaf at position ${index}.`);
  }
  const siblings: Range[] = [];
  let range: Range = { begin: 0, end: size };
  while (range.end - range.begin > 1) {
    const [left, right] = split(range);
    const isLeft = index < left.end;
    siblings.unshift(isLeft ? right : left);
    range = isLeft ? left : right;
  }
  return siblings.map(completeNodes);
}

/**
 * The steps of a consistency proof (RFC 6962 section 2.1.2). None between equal sizes, or from the empty tree.
 * @throws MalformedError when `from` is greater than `to`
 */
export function consistencyPath(from: number, to: number): readonly ProofStep[] {
  if (!isPosition(from) || !isPosition(to) || from > to) {
    throw new MalformedError(
      `A consistency proof goes from a size to a greater one, not from ${from} to ${to}.`,
    );
  }
  if (from === 0 || from === to) return [];
  const siblings: Range[] = [];
  let range: Range = { begin: 0, end: to };
  while (range.end !== from) {
    const [left, right] = split(range);
    const isLeft = from <= left.end;
    siblings.unshift(isLeft ? right : left);
    range = isLeft ? left : right;
  }
  // The root of a complete old tree is its checkpoint's, so it is not part of the proof.
  return [...(range.begin === 0 ? [] : [range]), ...siblings].map(completeNodes);
}

/** The complete nodes that a tree of this size is folded from, from left to right: one for each bit that is set. */
export function rootPath(size: number): ProofStep {
  return completeNodes({ begin: 0, end: size });
}

/**
 * The hash that a step stands for.
 * @param hashes of its nodes, in order; at least one
 */
export function foldNodes(sha256: Sha256, hashes: readonly Uint8Array[]): Uint8Array {
  const last = hashes.at(-1);
  if (last === undefined) throw new TypeError('fold nodes: expected at least one hash');
  return hashes.slice(0, -1).reduceRight((right, left) => nodeHash(sha256, left, right), last);
}

/** The largest power of two below the number of leaves, which may be more than 2^31. */
function split({ begin, end }: Range): readonly [Range, Range] {
  let width = 1;
  while (width * 2 < end - begin) width *= 2;
  return [
    { begin, end: begin + width },
    { begin: begin + width, end },
  ];
}

/** Ranges of proofs begin at a multiple of the power of two above their length, so the largest node comes first. */
function completeNodes({ begin, end }: Range): CompleteNode[] {
  const nodes: CompleteNode[] = [];
  let position = begin;
  while (position < end) {
    let level = 0;
    while (2 ** (level + 1) <= end - position) level += 1;
    nodes.push({ level, index: position / 2 ** level });
    position += 2 ** level;
  }
  return nodes;
}

function isPosition(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0;
}

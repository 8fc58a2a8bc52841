import { emptyRoot, HASH_BYTES, nodeHash, type Sha256 } from './merkle-hash';
import { foldNodes } from './merkle-path';

/** A node that adding a leaf completed. */
export interface NewNode {
  /** 0 is the leaf. */
  readonly level: number;
  readonly index: number;
  readonly hash: Uint8Array;
}

/**
 * The right edge of a growing tree: the hash of each complete node that has no parent yet, one for each bit of the
 * size. It suffices to add leaves and to compute the root.
 */
export class Frontier {
  readonly #sha256: Sha256;
  #size: number;
  readonly #hashes: Uint8Array[];

  /**
   * @param hashes from left (largest) to right; none of an empty tree
   * @throws TypeError when there are not as many as the size has bits set, or one is not 32 bytes
   */
  constructor(sha256: Sha256, size = 0, hashes: readonly Uint8Array[] = []) {
    if (hashes.length !== bitCount(size) || hashes.some(({ length }) => length !== HASH_BYTES)) {
      throw new TypeError(`frontier: a tree of ${size} leaves has ${bitCount(size)} hashes of 32 bytes`);
    }
    this.#sha256 = sha256;
    this.#size = size;
    this.#hashes = [...hashes];
  }

  get size(): number {
    return this.#size;
  }

  get hashes(): readonly Uint8Array[] {
    return this.#hashes;
  }

  root(): Uint8Array {
    return this.#size === 0 ? emptyRoot(this.#sha256) : foldNodes(this.#sha256, this.#hashes);
  }

  /** Adds a leaf by its hash, and reports the nodes that it completes, from the leaf up. */
  add(leaf: Uint8Array): readonly NewNode[] {
    const nodes: NewNode[] = [{ level: 0, index: this.#size, hash: leaf }];
    let hash = leaf;
    let level = 0;
    let index = this.#size;
    // Every bit set at the end of the size is a left sibling that was waiting.
    while (index % 2 === 1) {
      const left = this.#hashes.pop();
      if (left === undefined) throw new TypeError('frontier: hashes do not fit the size');
      hash = nodeHash(this.#sha256, left, hash);
      level += 1;
      index = (index - 1) / 2;
      nodes.push({ level, index, hash });
    }
    this.#hashes.push(hash);
    this.#size += 1;
    return nodes;
  }
}

function bitCount(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}

import type { LeafHashes } from './kept-leaves';

/** Hash table from leaf hash to position; 8 bytes of hash and 8 to 16 of table a position. */
export class PositionIndex {
  readonly size: number;
  readonly #prefixes: BigUint64Array;
  /** Open addressing by hash prefix; a slot holds position + 1, or 0 when free. */
  readonly #slots: Uint32Array;
  readonly #isTaken: Uint8Array;

  private constructor(size: number) {
    this.size = size;
    this.#prefixes = new BigUint64Array(size);
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(2 * size + 1)));
    this.#isTaken = new Uint8Array(size);
  }

  /** Builds the index from all leaf hashes. */
  static async of(hashes: LeafHashes): Promise<PositionIndex> {
    const index = new PositionIndex(hashes.size);
    let position = 0;
    for await (const hash of hashes) {
      const prefix = prefixOf(hash);
      index.#prefixes[position] = prefix;
      let slot = index.#slotOf(prefix);
      while (index.#slots[slot] !== 0) slot = index.#behind(slot);
      position += 1;
      index.#slots[slot] = position;
    }
    return index;
  }

  /** Takes the position of a leaf out of the table; undefined when it is missing or taken. */
  take(hash: Uint8Array): number | undefined {
    const prefix = prefixOf(hash);
    for (let slot = this.#slotOf(prefix); ; slot = this.#behind(slot)) {
      const position = (this.#slots[slot] ?? 0) - 1;
      if (position < 0) return undefined;
      if (this.#prefixes[position] !== prefix || this.#isTaken[position] === 1) continue;
      this.#isTaken[position] = 1;
      return position;
    }
  }

  #slotOf(prefix: bigint): number {
    return Number(prefix & BigInt(this.#slots.length - 1));
  }

  #behind(slot: number): number {
    return (slot + 1) & (this.#slots.length - 1);
  }
}

function prefixOf(hash: Uint8Array): bigint {
  return new DataView(hash.buffer, hash.byteOffset).getBigUint64(0);
}

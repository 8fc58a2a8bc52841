import { Frontier } from './frontier';
import type { Sha256 } from './merkle-hash';
import { TILE_HEIGHT, TILE_WIDTH } from './tile';

/** A tile that has become full. */
export interface NewTile {
  readonly level: number;
  readonly index: number;
  /** Hash of the node above it. */
  readonly root: Uint8Array;
  /** 256 hashes. */
  readonly hashes: readonly Uint8Array[];
}

/** The nodes at the bottom of a tile that will be completed, from index `from` up to, but not including, `to`. */
export interface PendingRange {
  /** The tile's level. */
  readonly level: number;
  readonly from: number;
  readonly to: number;
}

/** The existing hashes that are needed before a log grows: those in tiles that will become full. */
export function pendingRanges(size: number, newSize: number): readonly PendingRange[] {
  const ranges: PendingRange[] = [];
  for (let level = 0; tilesAt(level, newSize) > tilesAt(level, size); level += 1) {
    const nodes = Math.floor(size / TILE_WIDTH ** level);
    ranges.push({ level, from: tilesAt(level, size) * TILE_WIDTH, to: nodes });
  }
  return ranges;
}

/** A log while leaves are added: its frontier, and the tiles that become full. */
export class GrowingLog {
  readonly frontier: Frontier;
  readonly tiles: NewTile[] = [];
  readonly #pending: (Uint8Array[] | undefined)[];

  /**
   * @param pending hashes of each of {@link pendingRanges}, in order
   */
  constructor(
    sha256: Sha256,
    size: number,
    frontier: readonly Uint8Array[],
    pending: readonly (readonly Uint8Array[])[],
  ) {
    this.frontier = new Frontier(sha256, size, frontier);
    this.#pending = pending.map((hashes) => [...hashes]);
  }

  add(leaf: Uint8Array): void {
    for (const { level, index, hash } of this.frontier.add(leaf)) {
      if (level % TILE_HEIGHT !== 0) continue;
      const tileLevel = level / TILE_HEIGHT;
      this.#fill(tileLevel, index, hash);
      if (tileLevel > 0) this.#close(tileLevel - 1, index, hash);
    }
  }

  #fill(tileLevel: number, index: number, hash: Uint8Array): void {
    const hashes = this.#pending[tileLevel];
    if (hashes === undefined) return;
    if (hashes.length !== index % TILE_WIDTH)
      throw new TypeError('growing log: hashes of a tile are missing');
    hashes.push(hash);
  }

  /** Called with the node above a tile, which means that the tile is full. */
  #close(level: number, index: number, root: Uint8Array): void {
    const hashes = this.#pending[level];
    if (hashes?.length !== TILE_WIDTH) throw new TypeError('growing log: a tile was not expected to be full');
    this.tiles.push({ level, index, root, hashes });
    this.#pending[level] = [];
  }
}

function tilesAt(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** (level + 1));
}

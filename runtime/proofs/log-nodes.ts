import { NotFoundError } from '../base/errors';
import { sha256 } from '../crypto/sha256';
import { hashesOf, type LeafSource, leafHashOf } from './leaf';
import { nodeHash } from './merkle-hash';
import { type CompleteNode, foldNodes, type ProofStep } from './merkle-path';
import { TILE_WIDTH, tileOfNode } from './tile';

/** Runs a statement under an identity or role that may read the log. */
export type LogQuery = (text: string, values: readonly unknown[]) => Promise<readonly LogRow[]>;

/** A row as pg gives it. */
export type LogRow = Readonly<Record<string, unknown>>;

/** Hashes at the bottom of one tile. */
interface Slice {
  readonly level: number;
  readonly index: number;
  readonly begin: number;
  readonly end: number;
}

const TILES = `
  SELECT want.place, substring(t.hashes FROM want.first + 1 FOR want.bytes) AS hashes
    FROM unnest($2::smallint[], $3::bigint[], $4::int[], $5::int[]) WITH ORDINALITY
           AS want (level, index, first, bytes, place)
    JOIN ledger.log_tile t ON t.log_no = $1 AND t.level = want.level AND t.index = want.index`;

const ROOTS = `
  SELECT want.place, string_agg(t.root, '' ORDER BY t.index) AS hashes
    FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS want (level, first, last, place)
    JOIN ledger.log_tile t ON t.log_no = $1 AND t.level = want.level AND t.index >= want.first AND t.index < want.last
   GROUP BY want.place`;

const ENTRIES = `
  SELECT id, seq, encode(curr_hash, 'hex') AS curr_hash
    FROM ledger.log_entry WHERE log_no = $1 AND position >= $2 AND position < $3 ORDER BY position`;

/**
 * Reads hashes of one log: full tiles as they are stored, what a partial tile of level 0 holds from the entries, and of
 * a level above from the roots of the tiles below.
 */
export class LogNodes {
  readonly #query: LogQuery;
  readonly #logNo: number;

  constructor(query: LogQuery, logNo: number) {
    this.#query = query;
    this.#logNo = logNo;
  }

  /**
   * The hash of each step, in a tree of this size.
   * @throws NotFoundError when the log lacks a hash that it should have
   */
  async steps(size: number, steps: readonly ProofStep[]): Promise<readonly Uint8Array[]> {
    const hashes = await this.#nodes(size, steps.flat());
    let at = 0;
    return steps.map((step) => {
      const own = hashes.slice(at, at + step.length);
      at += step.length;
      return foldNodes(sha256, own);
    });
  }

  /** The bottom hashes of a tile, from `begin` up to, but not including, `end`. */
  async tile(
    size: number,
    level: number,
    index: number,
    begin: number,
    end: number,
  ): Promise<readonly Uint8Array[]> {
    return (await this.#slices(size, [{ level, index, begin, end }]))[0] ?? [];
  }

  /** Leaf hashes at positions from `begin` up to, but not including, `end`. */
  async entries(begin: number, end: number): Promise<readonly LeafSource[]> {
    const rows = await this.#query(ENTRIES, [this.#logNo, begin, end]);
    if (rows.length !== end - begin) throw incomplete(`entries ${begin} to ${end - 1}`);
    return rows.map(({ id, seq, curr_hash }) => ({
      id: String(id),
      seq: Number(seq),
      curr_hash: String(curr_hash),
    }));
  }

  async #nodes(size: number, nodes: readonly CompleteNode[]): Promise<readonly Uint8Array[]> {
    const slices = await this.#slices(size, nodes.map(tileOfNode));
    return slices.map(subtreeRoot);
  }

  async #slices(size: number, slices: readonly Slice[]): Promise<readonly (readonly Uint8Array[])[]> {
    const found = new Map<Slice, readonly Uint8Array[]>();
    const full = slices.filter((slice) => isFull(slice, size));
    const partial = slices.filter((slice) => !isFull(slice, size));
    const leaves = partial.filter(({ level }) => level === 0);
    const roots = partial.filter(({ level }) => level > 0);
    await Promise.all([
      this.#read(found, full, TILES, [
        full.map(({ level }) => level),
        full.map(({ index }) => index),
        full.map(({ begin }) => begin * 32),
        full.map(({ begin, end }) => (end - begin) * 32),
      ]),
      this.#read(found, roots, ROOTS, [
        roots.map(({ level }) => level - 1),
        roots.map(({ index, begin }) => index * TILE_WIDTH + begin),
        roots.map(({ index, end }) => index * TILE_WIDTH + end),
      ]),
      this.#readLeaves(found, leaves),
    ]);
    return slices.map((slice) => {
      const hashes = found.get(slice);
      if (hashes?.length !== slice.end - slice.begin) {
        throw incomplete(`tile ${slice.level}/${slice.index}`);
      }
      return hashes;
    });
  }

  async #read(
    found: Map<Slice, readonly Uint8Array[]>,
    slices: readonly Slice[],
    text: string,
    values: readonly unknown[],
  ): Promise<void> {
    if (slices.length === 0) return;
    for (const row of await this.#query(text, [this.#logNo, ...values])) {
      const slice = slices[Number(row.place) - 1];
      const hashes = row.hashes instanceof Uint8Array ? hashesOf(row.hashes) : undefined;
      if (slice !== undefined && hashes !== undefined) found.set(slice, hashes);
    }
  }

  /** One tile of level 0 at most is partial, so one range covers what is asked of it. */
  async #readLeaves(found: Map<Slice, readonly Uint8Array[]>, slices: readonly Slice[]): Promise<void> {
    if (slices.length === 0) return;
    const first = Math.min(...slices.map(({ index, begin }) => index * TILE_WIDTH + begin));
    const last = Math.max(...slices.map(({ index, end }) => index * TILE_WIDTH + end));
    const hashes = (await this.entries(first, last)).map((entry) => leafHashOf(sha256, entry));
    for (const slice of slices) {
      const from = slice.index * TILE_WIDTH - first;
      found.set(slice, hashes.slice(from + slice.begin, from + slice.end));
    }
  }
}

function isFull({ level, index }: Slice, size: number): boolean {
  return (index + 1) * TILE_WIDTH <= Math.floor(size / TILE_WIDTH ** level);
}

/** The root over 2^n hashes. */
function subtreeRoot(hashes: readonly Uint8Array[]): Uint8Array {
  let row = hashes;
  while (row.length > 1) {
    const above: Uint8Array[] = [];
    for (let at = 0; at + 1 < row.length; at += 2) {
      const [left, right] = [row[at], row[at + 1]];
      if (left !== undefined && right !== undefined) above.push(nodeHash(sha256, left, right));
    }
    row = above;
  }
  const [root] = row;
  if (root === undefined) throw new TypeError('subtree: no hashes');
  return root;
}

function incomplete(what: string): NotFoundError {
  return new NotFoundError(`The log does not hold ${what}; npx logline verify tells what is wrong with it.`);
}

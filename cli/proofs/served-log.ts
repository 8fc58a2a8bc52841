import { oneLine } from '../../local/operator-error';
import { LogLineError, MalformedError } from '../../runtime/base/errors';
import { ed25519 } from '../../runtime/crypto';
import { sha256 } from '../../runtime/crypto/sha256';
import { hashesOf } from '../../runtime/proofs/leaf';
import { isSameBytes, leafHash } from '../../runtime/proofs/merkle-hash';
import { type OpenedCheckpoint, openCheckpoint } from '../../runtime/proofs/span-proof';
import { TILE_WIDTH, tilePath, tileWidth } from '../../runtime/proofs/tile';
import type { VerifierKey } from '../../runtime/proofs/verifier-key';
import { explainProblem } from '../ledger-api';
import type { LogSource } from './log-folder';

/** Options of {@link ServedLog}. */
export interface ServedLogOptions {
  readonly client: LogSource;
  readonly tenant: string;
  /** Verifier keys: of the log, one of which must have signed each checkpoint, and of witnesses. */
  readonly keys: readonly VerifierKey[];
}

/** Tiles, each with its leaves, that are asked for while the one before them is hashed. */
const AHEAD = 4;

/** A fault in what a ledger or a folder serves of a log. */
export class ServedFault extends Error {
  readonly kind: string;
  readonly position: number | undefined;

  constructor(kind: string, position: number | undefined, detail: string) {
    super(detail);
    this.kind = kind;
    this.position = position;
  }
}

/**
 * Reads one tenant's log over its routes: checkpoints whose signatures hold, tiles of the right width, and leaves that hash
 * to their tiles. Anything else that is served is thrown as a {@link ServedFault}.
 */
export class ServedLog {
  readonly #options: ServedLogOptions;
  #readsLeaves = true;

  constructor(options: ServedLogOptions) {
    this.#options = options;
  }

  /** Whether leaves are served, which needs scope `admin`; true until one was refused. */
  get readsLeaves(): boolean {
    return this.#readsLeaves;
  }

  /** The newest checkpoint; undefined before the first. */
  async newestCheckpoint(): Promise<OpenedCheckpoint | undefined> {
    const { client, tenant, keys } = this.#options;
    const answer = await client.requestBytes(`/api/log/${encodeURIComponent(tenant)}/checkpoint`, {
      headers: { accept: 'text/plain' },
    });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200)
      throw new ServedFault('checkpoint', undefined, problemOf('checkpoint', answer));
    try {
      const opened = await openCheckpoint(new TextDecoder().decode(answer.bytes), keys, {
        verify: ed25519.verify,
      });
      if (opened.origin.endsWith(`/${encodeURIComponent(tenant)}`)) return opened;
      throw new MalformedError(`The checkpoint is of another log, ${opened.origin}.`);
    } catch (error) {
      if (!(error instanceof LogLineError)) throw error;
      throw new ServedFault('checkpoint', undefined, oneLine(error));
    }
  }

  /** Hashes of a tile of a log of `size` spans. */
  async tile(level: number, index: number, size: number): Promise<readonly Uint8Array[]> {
    const width = tileWidth(level, index, size);
    const path = tilePath(level, index, width);
    const answer = await this.#get(path);
    const hashes = answer.status === 200 ? hashesOf(answer.bytes) : undefined;
    if (hashes?.length === width) return hashes;
    const position = index * TILE_WIDTH ** (level + 1);
    const detail =
      answer.status === 200
        ? `${path} has ${answer.bytes.length} bytes, not ${32 * width}`
        : problemOf(path, answer);
    throw new ServedFault('tile', position, detail);
  }

  /** Hashes of the leaves, tile after tile of level 0. */
  async *leafHashes(size: number): AsyncGenerator<readonly Uint8Array[]> {
    const coming: Promise<readonly Uint8Array[]>[] = [];
    for (let index = 0; ; index += 1) {
      while (coming.length <= AHEAD && tileWidth(0, index + coming.length, size) > 0) {
        const tile = this.#tileOfLeaves(index + coming.length, size);
        // The walk may end at a fault before it gets there.
        tile.catch(() => undefined);
        coming.push(tile);
      }
      const next = coming.shift();
      if (next === undefined) return;
      yield await next;
    }
  }

  /** The span that the leaf at a position names; nothing when leaves cannot be read. */
  async leafAt(position: number, size: number): Promise<{ id?: string; seq?: number }> {
    if (!this.#readsLeaves) return {};
    const index = Math.floor(position / TILE_WIDTH);
    const answer = await this.#get(bundlePath(index, size));
    const text = new TextDecoder().decode(cutBundle(answer.bytes)[position % TILE_WIDTH]);
    // The leaf's hash is signed, so its form is known; anything else names no span.
    const [, id, seq] = /"id":"([0-9a-f-]{36})","seq":(\d+)/.exec(text) ?? [];
    return id === undefined ? {} : { id, seq: Number(seq) };
  }

  /** A tile of level 0, compared with its leaves where the token may read them. */
  async #tileOfLeaves(index: number, size: number): Promise<readonly Uint8Array[]> {
    const bundle = this.#readsLeaves ? this.#get(bundlePath(index, size)) : undefined;
    bundle?.catch(() => undefined);
    const hashes = await this.tile(0, index, size);
    if (bundle !== undefined) this.#compareLeaves(index, hashes, size, await bundle);
    return hashes;
  }

  #compareLeaves(
    index: number,
    hashes: readonly Uint8Array[],
    size: number,
    answer: Awaited<ReturnType<LogSource['requestBytes']>>,
  ): void {
    if (answer.status === 403) {
      this.#readsLeaves = false;
      return;
    }
    const path = bundlePath(index, size);
    if (answer.status !== 200) throw new ServedFault('entry', index * TILE_WIDTH, problemOf(path, answer));
    const leaves = cutBundle(answer.bytes);
    for (const [at, hash] of hashes.entries()) {
      const leaf = leaves[at];
      if (leaf !== undefined && isSameBytes(leafHash(sha256, leaf), hash)) continue;
      throw new ServedFault(
        'entry',
        index * TILE_WIDTH + at,
        `the leaf that is served does not hash to its hash in ${tilePath(0, index, hashes.length)}`,
      );
    }
    if (leaves.length !== hashes.length)
      throw new ServedFault('entry', index * TILE_WIDTH, `${path} has ${leaves.length} leaves`);
  }

  #get(path: string) {
    const { client, tenant } = this.#options;
    return client.requestBytes(`/api/log/${encodeURIComponent(tenant)}/${path}`, {
      headers: { accept: 'application/octet-stream' },
    });
  }
}

/** Where the leaves below a tile of level 0 are served. */
function bundlePath(index: number, size: number): string {
  return tilePath('entries', index, tileWidth(0, index, size));
}

/** The leaves of an entry bundle, up to the first malformed one. */
function cutBundle(bytes: Uint8Array): readonly Uint8Array[] {
  const leaves: Uint8Array[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const end = at + 2 + (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
    if (end > bytes.length) break;
    leaves.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return leaves;
}

function problemOf(
  what: string,
  answer: { readonly status: number; readonly headers: Headers; readonly bytes: Uint8Array },
): string {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder().decode(answer.bytes));
  } catch {
    body = undefined; // the status says enough
  }
  return `${what}: the ledger answered ${explainProblem({ ...answer, body })}`;
}

import { NotFoundError } from '../base/errors';
import { type Identity, LOG_USER } from '../base/identity';
import type { Database } from '../db/pool';
import { queryAs } from '../db/query-as';
import { checkpointText } from './checkpoint';
import { entryBundle } from './leaf';
import { LogNodes, type LogQuery } from './log-nodes';
import { consistencyPath, inclusionPath } from './merkle-path';
import { noteText } from './signed-note';
import { type TileId, tileWidth } from './tile';

/** A signed state of a log. */
export interface SignedCheckpoint {
  readonly logNo: number;
  readonly size: number;
  readonly root: Uint8Array;
  /** The signed note, cosignatures included. */
  readonly note: string;
}

/** A proof that a span is in its log. */
export interface Inclusion {
  readonly index: number;
  /** Leaf to root. */
  readonly hashes: readonly Uint8Array[];
  readonly checkpoint: SignedCheckpoint;
}

const CHECKPOINT = `
  SELECT c.log_no, c.size, c.root, c.signature, ledger.log_origin_at(c.log_no, c.size) AS origin,
         (SELECT array_agg(line ORDER BY line) FROM ledger.checkpoint_line x
           WHERE x.log_no = c.log_no AND x.size = c.size) AS lines
    FROM ledger.log l JOIN ledger.checkpoint c ON c.log_no = l.log_no
   WHERE l.tenant_id = $1`;

/** Reads the log of one tenant; callers have checked that access is allowed. */
export class LogReader {
  readonly #database: Database;
  readonly #tenant: string;

  constructor(database: Database, tenant: string) {
    this.#database = database;
    this.#tenant = tenant;
  }

  /**
   * A checkpoint.
   * @param size Defaults to the newest.
   * @throws NotFoundError when there is none
   */
  checkpoint(size?: number): Promise<SignedCheckpoint> {
    return this.#read(async (query) => {
      const found = await this.#checkpointOf(query, size === undefined ? '' : 'AND c.size = $2', size);
      if (found !== undefined) return found;
      throw new NotFoundError(
        size === undefined
          ? 'Nothing of this tenant is sealed yet.'
          : `There is no checkpoint of size ${size}; without ?size= you get the newest.`,
      );
    });
  }

  /** The proof of a span's version by the newest checkpoint; undefined when it is not sealed yet. */
  inclusion(id: string, seq: number): Promise<Inclusion | undefined> {
    return this.#read(async (query) => {
      const [entry] = await query(
        'SELECT log_no, position FROM ledger.log_entry WHERE id = $1 AND seq = $2',
        [id, seq],
      );
      if (entry === undefined) return undefined;
      const index = Number(entry.position);
      const checkpoint = await this.#checkpointOf(query, 'AND c.size > $2', index);
      if (checkpoint === undefined) return undefined;
      const nodes = new LogNodes(query, checkpoint.logNo);
      const hashes = await nodes.steps(checkpoint.size, inclusionPath(index, checkpoint.size));
      return { index, hashes, checkpoint };
    });
  }

  /**
   * The hashes that prove that the log of size `to` begins with that of size `from`.
   * @throws MalformedError, NotFoundError when the log is not that long
   */
  consistency(from: number, to: number): Promise<readonly Uint8Array[]> {
    const path = consistencyPath(from, to);
    return this.#read(async (query) => {
      const logNo = await this.#logOfSize(query, to);
      return new LogNodes(query, logNo).steps(to, path);
    });
  }

  /**
   * The hashes of a tile, one after the other.
   * @throws NotFoundError when the log does not reach that far
   */
  tile({ level, index, width }: TileId): Promise<Uint8Array> {
    return this.#read(async (query) => {
      const size = (index * 256 + width) * 256 ** level;
      const logNo = await this.#logOfSize(query, size);
      return Buffer.concat(await new LogNodes(query, logNo).tile(size, level, index, 0, width));
    });
  }

  /**
   * The leaves below a tile of level 0, as tlog-tiles bundles them.
   * @throws NotFoundError when the log does not reach that far
   */
  entries({ index, width }: Omit<TileId, 'level'>): Promise<Uint8Array> {
    return this.#read(async (query) => {
      const begin = index * 256;
      const logNo = await this.#logOfSize(query, begin + width);
      return entryBundle(await new LogNodes(query, logNo).entries(begin, begin + width));
    });
  }

  /** The log, if the newest checkpoint covers `size` spans: only signed entries are served. */
  async #logOfSize(query: LogQuery, size: number): Promise<number> {
    const newest = Number.isSafeInteger(size) ? await this.#checkpointOf(query, '') : undefined;
    if (newest === undefined || newest.size < size || tileWidth(0, 0, newest.size) === 0) {
      throw new NotFoundError(`The log has ${newest?.size ?? 0} spans; that is beyond them.`);
    }
    return newest.logNo;
  }

  async #checkpointOf(
    query: LogQuery,
    condition: string,
    size?: number,
  ): Promise<SignedCheckpoint | undefined> {
    const [row] = await query(`${CHECKPOINT} ${condition} ORDER BY c.size DESC LIMIT 1`, [
      this.#tenant,
      ...(size === undefined ? [] : [size]),
    ]);
    if (row === undefined || !(row.root instanceof Uint8Array) || !(row.signature instanceof Uint8Array)) {
      return undefined;
    }
    const origin = String(row.origin);
    const { root, signature } = row;
    const checkpointSize = Number(row.size);
    const lines: readonly string[] = Array.isArray(row.lines) ? row.lines : [];
    const note = noteText({
      text: checkpointText({ origin, size: checkpointSize, root }),
      signatures: [{ name: origin, keyId: signature.subarray(0, 4), bytes: signature.subarray(4) }],
    });
    const further = lines.map((line) => `${line}\n`).join('');
    return { logNo: Number(row.log_no), size: checkpointSize, root, note: note + further };
  }

  /** Each statement is a transaction of its own, since rows of a log never change. */
  #read<T>(work: (query: LogQuery) => Promise<T>): Promise<T> {
    const identity: Identity = { user: LOG_USER, tenant: this.#tenant };
    return work(async (text, values) => {
      return (await queryAs<Record<string, unknown>>(this.#database, identity, { text, values }, 'read'))
        .rows;
    });
  }
}

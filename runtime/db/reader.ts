import { setTimeout as delay } from 'node:timers/promises';
import { UnavailableError } from '../base/errors';
import { NOBODY } from '../base/identity';
import type { DatabaseOptions } from './database-options';
import { Database } from './pool';
import { queryAs } from './query-as';

export interface ReaderOptions {
  /** A standby of the writer's database. */
  readonly database: Database;
  /** How long a read waits for the standby to catch up with what its caller has seen. Defaults to 200. */
  readonly waitMs?: number;
}

const DEFAULT_WAIT_MS = 200;
const POLL_MS = 5;
/** How long a reader that failed is left alone. */
const REST_MS = 5_000;

/**
 * A standby that takes reads off the writer. One that is gone, behind or promoted costs time, never an error: the read
 * goes to the writer then.
 */
export class Reader {
  readonly #database: Database;
  readonly #waitMs: number;
  /** All transactions below this one are on the standby; it never goes back while the standby answers. */
  #complete = 0n;
  #restsUntilMs = 0;

  constructor({ database, waitMs = DEFAULT_WAIT_MS }: ReaderOptions) {
    this.#database = database;
    this.#waitMs = waitMs;
  }

  /**
   * Runs a read on the standby, or on the writer when the standby lacks what the caller has seen.
   * @param seen id of the newest transaction that the caller has seen; undefined for none
   * @param work may be run twice, the second time on the writer
   * @throws what `work` throws on the writer
   */
  async run<T>(
    writer: Database,
    seen: bigint | undefined,
    work: (database: Database, isReplica: boolean) => Promise<T>,
  ): Promise<T> {
    if (performance.now() < this.#restsUntilMs) return work(writer, false);
    let isCurrent = false;
    try {
      isCurrent = seen === undefined || (await this.#hasSeen(seen));
      if (isCurrent) return await work(this.#database, true);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      this.#complete = 0n;
      this.#restsUntilMs = performance.now() + REST_MS;
    }
    return work(writer, false);
  }

  /** Waits until the standby has a transaction and all before it, or for no longer. */
  async #hasSeen(txId: bigint): Promise<boolean> {
    const untilMs = performance.now() + this.#waitMs;
    while (this.#complete <= txId) {
      const { rows } = await queryAs<{ complete: string | null }>(this.#database, NOBODY, COMPLETE, 'probe');
      const complete = rows[0]?.complete;
      if (complete == null) throw new UnavailableError('the reader follows no writer any more');
      this.#complete = BigInt(complete);
      if (this.#complete > txId) break;
      if (performance.now() >= untilMs) return false;
      await delay(POLL_MS);
    }
    return true;
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

/** A reader with a pool of its own. It gives a connection up sooner than the writer does, which stands behind it. */
export function openReader(options: DatabaseOptions): Reader {
  return new Reader({ database: new Database({ connectTimeoutMs: CONNECT_TIMEOUT_MS, ...options }) });
}

const CONNECT_TIMEOUT_MS = 1_000;

/**
 * A standby's snapshot lists no running transactions, so only what lies below its xmin is certain to be there. One that
 * was promoted counts transactions of its own, which say nothing about the writer's: null then.
 */
const COMPLETE = {
  name: 'complete_below',
  text: 'SELECT CASE WHEN pg_is_in_recovery() THEN pg_snapshot_xmin(pg_current_snapshot())::text END AS complete',
  values: [],
} as const;

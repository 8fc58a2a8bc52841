import { setTimeout as delay } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { UnavailableError } from '../base/errors';
import { NOBODY } from '../base/identity';
import { isAnswer, isStatementLimit } from './database-error';
import type { DatabaseOptions } from './database-options';
import { PinnedHost, type ResolveAll } from './pinned-host';
import { Database } from './pool';
import { queryAs } from './query-as';

export interface ReaderOptions {
  /** A standby of the writer's database. */
  readonly database: Database;
  /** The same standby, to ask whether it still answers: apart, so that slow reads never stand in the way. */
  readonly probes: Database;
  /** Where both connect to, when the address stands for several standbys. */
  readonly home?: PinnedHost;
  /** How long a read waits for the standby to catch up with what its caller has seen. Defaults to 200. */
  readonly waitMs?: number;
  /** How long a reader that failed is left alone before it is asked again. Defaults to 5,000. */
  readonly restMs?: number;
}

const DEFAULT_WAIT_MS = 200;
const DEFAULT_REST_MS = 5_000;
const POLL_MS = 5;
/** A read that takes longer has the reader asked whether it is still there, again and again. */
const PATIENCE_MS = 250;
/** A probe has this long for a connection, and as long for its answer. */
const PROBE_MS = 350;

/**
 * A standby that takes reads off the writer. One that is gone, behind or promoted costs time, never an error: the read
 * goes to the writer then, within a second. A read that is slow on a reader that answers stays there. Once a read has
 * waited in vain, those after it wait no more, until the standby is seen to follow closely again.
 */
export class Reader {
  readonly #database: Database;
  readonly #probes: Database;
  readonly #home: PinnedHost | undefined;
  readonly #waitMs: number;
  readonly #restMs: number;
  /** All transactions below this one are on the standby; it never goes back while the standby answers. */
  #complete = 0n;
  /** A transaction that a read asked for in vain, and since when, until the standby has it: that is how far it lags. */
  #awaited: { readonly txId: bigint; readonly sinceMs: number } | undefined;
  /** It lags by more than reads wait, so that none does. */
  #isBehind = false;
  /** Undefined while the reader is in use. */
  #restsUntilMs: number | undefined;
  #probing: Promise<void> | undefined;

  constructor(options: ReaderOptions) {
    const { database, probes, home, waitMs = DEFAULT_WAIT_MS, restMs = DEFAULT_REST_MS } = options;
    this.#database = database;
    this.#probes = probes;
    this.#home = home;
    this.#waitMs = waitMs;
    this.#restMs = restMs;
  }

  /**
   * Runs a read on the standby, or on the writer when the standby lacks what the caller has seen.
   * @param seen id of the newest transaction that the caller has seen; undefined for none
   * @param work may be run twice, the second time on the writer
   * @throws what `work` throws on the writer, and of the standby what it says of the statement itself, such as that it
   *   took too long
   */
  async run<T>(
    writer: Database,
    seen: bigint | undefined,
    work: (database: Database, isReplica: boolean) => Promise<T>,
  ): Promise<T> {
    if (!(await this.#isInUse())) return work(writer, false);
    try {
      const isCurrent = seen === undefined || (await this.#hasSeen(seen));
      if (isCurrent) return await this.#watched(work(this.#database, true));
    } catch (error) {
      const isBehind = error instanceof BehindError;
      if (!isBehind && !isOutOfUse(error)) throw error;
      if (!isBehind) this.#rest();
    }
    return work(writer, false);
  }

  /** One read asks a reader that has rested; all others go to the writer meanwhile. */
  async #isInUse(): Promise<boolean> {
    if (this.#restsUntilMs === undefined) return true;
    if (performance.now() < this.#restsUntilMs) return false;
    this.#rest();
    this.#moveHome();
    try {
      await this.#probe();
    } catch {
      return false;
    }
    this.#restsUntilMs = undefined;
    return true;
  }

  #rest(): void {
    this.#complete = 0n;
    this.#awaited = undefined;
    this.#isBehind = false;
    this.#restsUntilMs = performance.now() + this.#restMs;
  }

  /** The address may stand for another standby by now; all connections go to that one then. */
  #moveHome(): void {
    if (this.#home === undefined) return;
    this.#home.release();
    this.#database.cut();
    this.#probes.cut();
  }

  /** Ends a read, and every other one, as soon as the reader gives no answer to a probe. */
  async #watched<T>(read: Promise<T>): Promise<T> {
    let isOver = false;
    const watch = setInterval(() => {
      this.#probe().catch((error) => {
        if (isOver || isAnswer(error)) return;
        this.#rest();
        this.#database.cut();
      });
    }, PATIENCE_MS);
    try {
      return await read;
    } finally {
      isOver = true;
      clearInterval(watch);
    }
  }

  /** Waits until the standby has a transaction and all before it, unless that is known to take too long. */
  async #hasSeen(txId: bigint): Promise<boolean> {
    if (this.#complete > txId) return true;
    const sinceMs = performance.now();
    this.#awaited ??= { txId, sinceMs };
    for (;;) {
      await this.#probe();
      if (this.#complete > txId) return true;
      if (this.#isBehind) return false;
      if (performance.now() - sinceMs >= this.#waitMs) {
        this.#isBehind = true;
        return false;
      }
      await delay(POLL_MS);
    }
  }

  /** Asks the standby how far it is. Whoever asks at the same time shares the answer. */
  #probe(): Promise<void> {
    this.#probing ??= this.#ask().finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  async #ask(): Promise<void> {
    const { rows } = await queryAs<CompleteRow>(this.#probes, NOBODY, COMPLETE, 'probe');
    this.#complete = completeOf(rows);
    if (this.#awaited === undefined || this.#complete <= this.#awaited.txId) return;
    this.#isBehind = performance.now() - this.#awaited.sinceMs > this.#waitMs;
    this.#awaited = undefined;
  }

  async close(): Promise<void> {
    await Promise.all([this.#database.close(), this.#probes.close()]);
  }
}

/** Another standby answers than was asked before, or the same one was put back: it lacks what was seen. */
class BehindError extends Error {
  override readonly name = 'BehindError';
}

/** True when the reader cannot be used just now; false for what it says of the statement itself. */
function isOutOfUse(error: unknown): boolean {
  return error instanceof UnavailableError && !isStatementLimit(error);
}

/**
 * Makes sure, within a transaction on a reader, that what its later statements see holds all that was seen: the
 * address may stand for several standbys, or for another one than a moment ago.
 * @throws BehindError when it does not, UnavailableError when it is no standby; both send {@link Reader.run} to the writer
 */
export async function requireSeen(client: PoolClient, txId: bigint): Promise<void> {
  const { rows } = await client.query<CompleteRow>({ ...COMPLETE, values: [] });
  if (completeOf(rows) <= txId) throw new BehindError('this standby lacks what was seen');
}

/** Connections of each process to a reader beside its pool. */
export const READER_PROBES = 1;

/**
 * A reader with pools of its own, all of whose connections go to one of the standbys that its address stands for. It gives a connection up sooner than the writer does, which stands behind it. */
export function openReader(
  options: DatabaseOptions,
  limits: Pick<ReaderOptions, 'waitMs' | 'restMs'> & { readonly resolve?: ResolveAll } = {},
): Reader {
  const { resolve, ...waits } = limits;
  const home = new PinnedHost(resolve);
  const database = new Database({ connectTimeoutMs: CONNECT_TIMEOUT_MS, ...options, lookup: home.lookup });
  const probes = new Database({
    ...options,
    lookup: home.lookup,
    poolSize: READER_PROBES,
    connectTimeoutMs: PROBE_MS,
    answerTimeoutMs: PROBE_MS,
  });
  return new Reader({ database, probes, home, ...waits });
}

const CONNECT_TIMEOUT_MS = 1_000;

interface CompleteRow {
  readonly complete: string | null;
}

/** All transactions below this one are there. @throws UnavailableError when that cannot be said */
function completeOf([row]: readonly CompleteRow[]): bigint {
  if (row?.complete == null) throw new UnavailableError('the reader follows no writer any more');
  return BigInt(row.complete);
}

/**
 * A standby's snapshot lists no running transactions, so only what lies below its xmin is certain to be there. One that
 * was promoted counts transactions of its own, which say nothing about the writer's: null then.
 */
const COMPLETE = {
  name: 'complete_below',
  text: 'SELECT CASE WHEN pg_is_in_recovery() THEN pg_snapshot_xmin(pg_current_snapshot())::text END AS complete',
  values: [],
} as const;

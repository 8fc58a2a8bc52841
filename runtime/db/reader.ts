import { setTimeout as delay } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { UnavailableError } from '../base/errors';
import { NOBODY } from '../base/identity';
import { isAnswer, isConnectionLost, isStatementLimit } from './database-error';
import type { DatabaseOptions } from './database-options';
import { PinnedHost, type ResolveAll } from './pinned-host';
import { Database } from './pool';
import { queryAs } from './query-as';

/** The pools and time limits of a {@link Reader}. */
export interface ReaderOptions {
  /** A standby of the writer's database. */
  readonly database: Database;
  /** A separate pool on the same standby for health probes, so that slow reads do not block them. */
  readonly probes: Database;
  /** Pins both pools to one standby when the host name resolves to several. Defaults to none. */
  readonly home?: PinnedHost;
  /** How long a read waits for the standby to replay what its caller has seen. Defaults to 200. */
  readonly waitMs?: number;
  /** How long a failed reader is not used before it is probed again. Defaults to 5,000. */
  readonly restMs?: number;
}

const DEFAULT_WAIT_MS = 200;
const DEFAULT_REST_MS = 5_000;
const POLL_MS = 5;
/** Interval of probes while a read runs. */
const PROBE_INTERVAL_MS = 250;
/** Timeout of a probe's connection, and of its answer. */
const PROBE_MS = 350;

/**
 * A standby that serves reads. When it is down, lagging or promoted, the read goes to the writer within a second instead
 * of failing. A slow read on a standby that answers probes stays there. Once a read has timed out waiting for replay,
 * later reads do not wait until the standby has caught up.
 */
export class Reader {
  readonly #database: Database;
  readonly #probes: Database;
  readonly #home: PinnedHost | undefined;
  readonly #waitMs: number;
  readonly #restMs: number;
  /** The standby has replayed all transactions below this one. */
  #complete = 0n;
  /** A transaction that a read found missing, and when; kept until the standby has it, to measure its lag. */
  #awaited: { readonly txId: bigint; readonly sinceMs: number } | undefined;
  /** Its lag exceeds `waitMs`, so that reads do not wait for it. */
  #isBehind = false;
  /** End of the pause after a failure; undefined while the reader is in use. */
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
   * Runs a read on the standby, or on the writer when the standby lacks what the caller has seen or fails.
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
      if (!isBehind && !stillAnswers(error)) this.#rest();
    }
    return work(writer, false);
  }

  /** After a pause, one read probes the reader; all others go to the writer meanwhile. */
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

  /** Resolves the host name again and closes all connections, since it may now name another standby. */
  #moveHome(): void {
    if (this.#home === undefined) return;
    this.#home.release();
    this.#database.cut();
    this.#probes.cut();
  }

  /** Awaits a read while probing the reader; when a probe gets no answer, closes all its connections, failing its reads. */
  async #watched<T>(read: Promise<T>): Promise<T> {
    let isOver = false;
    const watch = setInterval(() => {
      this.#probe().catch((error) => {
        if (isOver || isAnswer(error)) return;
        this.#rest();
        this.#database.cut();
      });
    }, PROBE_INTERVAL_MS);
    try {
      return await read;
    } finally {
      isOver = true;
      clearInterval(watch);
    }
  }

  /** Waits up to `waitMs` until the standby has replayed a transaction; not at all while it is known to lag. */
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

  /** Asks the standby how far it has replayed. Concurrent calls share one probe. */
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

/** The standby lacks what was seen: it is another one than before, or was restored from a backup. */
class BehindError extends Error {
  override readonly name = 'BehindError';
}

/** Whether the writer has to answer instead, since the statement is not at fault. */
function isOutOfUse(error: unknown): boolean {
  return error instanceof UnavailableError && !isStatementLimit(error);
}

/**
 * Whether the reader is well all the same: replay was in the way of this read ("Handling Query Conflicts" in PostgreSQL's
 * manual), or others hold all its connections. A server that shuts down or starts answers, too, but goes or is not there.
 */
function stillAnswers(error: unknown): boolean {
  return isAnswer(error) && !isConnectionLost(error);
}

/**
 * Checks, within a transaction on a reader, that its snapshot includes all that was seen: the host name may resolve to
 * several standbys, or to another one than before.
 * @throws BehindError when it does not, UnavailableError when it is no standby; both send {@link Reader.run} to the writer
 */
export async function requireSeen(client: PoolClient, txId: bigint): Promise<void> {
  const { rows } = await client.query<CompleteRow>({ ...COMPLETE, values: [] });
  if (completeOf(rows) <= txId) throw new BehindError('this standby lacks what was seen');
}

/** Connections of each process to a reader in addition to its pool. */
export const READER_PROBES = 1;

/**
 * A reader with pools of its own, all of whose connections go to one of the standbys that its host name resolves to. Its
 * connect timeout defaults to 1 s, since reads can fall back to the writer.
 */
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

/** All transactions below this one are replayed. @throws UnavailableError when the server is no standby any more */
function completeOf([row]: readonly CompleteRow[]): bigint {
  if (row?.complete == null) throw new UnavailableError('the reader follows no writer any more');
  return BigInt(row.complete);
}

/**
 * Only transactions below the xmin of a standby's snapshot are certain to be replayed. Null on a promoted standby, whose
 * own transaction ids say nothing about the writer's.
 */
const COMPLETE = {
  name: 'complete_below',
  text: 'SELECT CASE WHEN pg_is_in_recovery() THEN pg_snapshot_xmin(pg_current_snapshot())::text END AS complete',
  values: [],
} as const;

import { LogLineError } from '../base/errors';
import { FairShares } from '../base/fair-shares';
import type { Identity } from '../base/identity';
import { TenantQueue } from '../base/tenant-queue';
import { asLogLineError, isConnectionLost } from '../db/database-error';
import type { Database } from '../db/pool';
import type { EncodedSpan } from './span-signature';

/** What is remembered of a request with an `Idempotency-Key`, in the words of the SQL function. */
export interface IdempotencyRecord {
  readonly key: string;
  /** Digest of the user and the drafts. */
  readonly fingerprint: string;
  /** All spans the request stands for, in its order. */
  readonly span_ids: readonly string[];
  readonly span_seqs: readonly number[];
}

/** Spans of one caller that are committed together or not at all. */
export interface AppendBatch {
  readonly identity: Identity;
  readonly spans: readonly EncodedSpan[];
  readonly idempotency?: IdempotencyRecord | undefined;
}

export interface AppendQueueOptions {
  /** Statements under way at once in each of the two lanes. Defaults to 2. */
  readonly maxInFlight?: number;
  /**
   * Spans that must wait before a statement is sent beside one that is under way. Fewer would only make two
   * small commits of one: with 32 callers a span then costs PostgreSQL 150 µs instead of 190. Defaults to 64.
   */
  readonly minSpansBeside?: number;
  /** Spans that share one statement at most; a larger batch still travels whole. Defaults to 500. */
  readonly maxSpansPerCommit?: number;
  /** From so many spans on a batch is large and travels beside the small ones. Defaults to 64. */
  readonly largeFromSpans?: number;
  /** From so many bytes on a batch is large, too. Defaults to 128 KiB. */
  readonly largeFromBytes?: number;
  /** Spans of small batches that share one statement at most, some 12 ms of work. Defaults to 128. */
  readonly maxSmallSpansPerCommit?: number;
  /**
   * Spans that may wait; beyond that callers get 429 or 503 instead of memory growing, a tenant when it has more
   * waiting than there is room left. Defaults to 20,000.
   */
  readonly maxWaitingSpans?: number;
  /** Told of every commit, and of how many batches shared it. */
  readonly onCommit?: (batches: number) => void;
}

interface Waiting {
  readonly batch: AppendBatch;
  readonly bytes: number;
  readonly resolve: (txId: string) => void;
  readonly reject: (error: unknown) => void;
}

/** Batches of one kind, in turn by tenant, and how they share statements. */
interface Lane {
  readonly queue: TenantQueue<Waiting>;
  /** Spans and bytes of one statement at most; the first batch always travels. */
  readonly maxSpans: number;
  readonly maxBytes: number;
  /** Whether batches of several tenants share a statement. */
  readonly isShared: boolean;
  spans: number;
  inFlight: number;
}

/** Some 20 ms of work for PostgreSQL. */
const MAX_BYTES_PER_COMMIT = 512 * 1024;

/**
 * Commits batches of concurrent callers together: while one statement is under way the next group gathers,
 * so the cost of a commit is shared exactly when there is load.
 *
 * Tenants take turns, and small batches have a lane of their own: a statement of 1,000 spans takes 90 ms, and a single
 * span that had to wait for it, or shared it, would take as long. Large batches of different tenants share no statement.
 *
 * Identities are not mixed: each batch is inserted under its own, checked by row-level security. When a
 * shared statement is refused, its batches are parted until the refused one is alone, so that one caller's
 * fault stays its own.
 */
export class AppendQueue {
  readonly #database: Database;
  readonly #options: Required<Omit<AppendQueueOptions, 'onCommit'>>;
  readonly #room: FairShares;
  readonly #small: Lane;
  readonly #large: Lane;
  #failedAtMs: number | undefined;
  readonly #onCommit: ((batches: number) => void) | undefined;

  constructor(database: Database, options: AppendQueueOptions = {}) {
    this.#database = database;
    this.#onCommit = options.onCommit;
    this.#options = {
      maxInFlight: options.maxInFlight ?? 2,
      minSpansBeside: options.minSpansBeside ?? 64,
      maxSpansPerCommit: options.maxSpansPerCommit ?? 500,
      largeFromSpans: options.largeFromSpans ?? 64,
      largeFromBytes: options.largeFromBytes ?? 128 * 1024,
      maxSmallSpansPerCommit: options.maxSmallSpansPerCommit ?? 128,
      maxWaitingSpans: options.maxWaitingSpans ?? 20_000,
    };
    // Nobody waits for room to wait in.
    this.#room = new FairShares({
      what: 'spans waiting to be written',
      capacity: this.#options.maxWaitingSpans,
      maxWaiting: 0,
    });
    this.#small = lane(this.#options.maxSmallSpansPerCommit, true);
    this.#large = lane(this.#options.maxSpansPerCommit, false);
  }

  /** When the last statement failed through no fault of a caller; undefined when the last one did not. */
  get failedAtMs(): number | undefined {
    return this.#failedAtMs;
  }

  /**
   * Resolves when the batch is committed, to the id of its transaction.
   * @throws pg's error for a refusal by the database; ShareUsedUpError or UnavailableError when too much is waiting;
   * UnavailableError when the database is gone. After the latter the batch may or may not be committed: only ids or an
   * Idempotency-Key make a retry safe.
   */
  async append(batch: AppendBatch): Promise<string> {
    const { tenant } = batch.identity;
    const release = await this.#room.take(tenant, batch.spans.length);
    try {
      return await new Promise((resolve, reject) => {
        const bytes = batch.spans.reduce((sum, { json }) => sum + json.length, 0);
        const own = this.#laneOf(batch, bytes);
        own.queue.push(tenant, { batch, bytes, resolve, reject });
        own.spans += batch.spans.length;
        // Callers whose requests arrived in the same turn of the event loop join the same group.
        setImmediate(() => this.#flush(own));
      });
    } finally {
      release();
    }
  }

  #laneOf({ spans }: AppendBatch, bytes: number): Lane {
    const { largeFromSpans, largeFromBytes } = this.#options;
    return spans.length >= largeFromSpans || bytes >= largeFromBytes ? this.#large : this.#small;
  }

  #flush(own: Lane): void {
    while (this.#maySend(own)) {
      const group = takeGroup(own);
      own.inFlight += 1;
      void this.#commit(group).finally(() => {
        own.inFlight -= 1;
        this.#flush(own);
      });
    }
  }

  #maySend({ queue, inFlight, spans, isShared }: Lane): boolean {
    if (queue.length === 0) return false;
    if (inFlight === 0) return true;
    return inFlight < this.#options.maxInFlight && (!isShared || spans >= this.#options.minSpansBeside);
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    try {
      const txId = await this.#send(group.map((waiting) => waiting.batch));
      this.#failedAtMs = undefined;
      for (const waiting of group) waiting.resolve(txId);
      this.#onCommit?.(group.length);
    } catch (error) {
      this.#failedAtMs = isOurFault(error) ? Date.now() : undefined;
      if (group.length === 1 || isConnectionLost(error)) {
        for (const waiting of group) waiting.reject(error);
        return;
      }
      // By halves: one refused batch among 64 costs 12 more statements, not 64.
      const half = Math.ceil(group.length / 2);
      await this.#commit(group.slice(0, half));
      await this.#commit(group.slice(half));
    }
  }

  async #send(batches: readonly AppendBatch[]): Promise<string> {
    const client = await this.#database.connect().catch((error) => {
      throw asLogLineError(error);
    });
    try {
      const { rows } = await client.query<{ tx_id: string }>(appendQuery(mergeByIdentity(batches)));
      client.release();
      const [row] = rows;
      if (row === undefined) throw new Error('an append says no transaction id');
      return row.tx_id;
    } catch (error) {
      client.release(isConnectionLost(error));
      throw isConnectionLost(error) ? asLogLineError(error) : error;
    }
  }
}

function lane(maxSpans: number, isShared: boolean): Lane {
  return {
    queue: new TenantQueue(),
    maxSpans,
    maxBytes: MAX_BYTES_PER_COMMIT,
    isShared,
    spans: 0,
    inFlight: 0,
  };
}

/** The batches of the next statement: of tenants in turn, or of the tenant whose turn it is. */
function takeGroup(own: Lane): Waiting[] {
  const group: Waiting[] = [];
  let spans = 0;
  let bytes = 0;
  let first: string | undefined;
  for (;;) {
    const next = own.queue.take(
      (waiting, tenant) =>
        group.length === 0 ||
        ((own.isShared || tenant === first) &&
          spans + waiting.batch.spans.length <= own.maxSpans &&
          bytes + waiting.bytes <= own.maxBytes),
    );
    if (next === undefined) break;
    group.push(next);
    first ??= next.batch.identity.tenant;
    spans += next.batch.spans.length;
    bytes += next.bytes;
  }
  own.spans -= spans;
  return group;
}

function isOurFault(error: unknown): boolean {
  const known = asLogLineError(error);
  return !(known instanceof LogLineError) || known.status >= 500;
}

interface WireBatch {
  readonly identity: Identity;
  readonly spans: string[];
  readonly idempotency: IdempotencyRecord | undefined;
}

/** The statement that appends. The spans' own texts are put together, not written out again. */
function appendQuery(batches: readonly WireBatch[]): { name: string; text: string; values: string[] } {
  const [first] = batches;
  if (batches.length === 1 && first !== undefined && first.idempotency === undefined) {
    const { identity, spans } = first;
    return {
      name: 'append_spans_of_one',
      text: 'SELECT ledger.append_spans($1, $2, $3), pg_current_xact_id() AS tx_id',
      values: [identity.user, identity.tenant, `[${spans.join(',')}]`],
    };
  }
  const texts = batches.map(({ identity, spans, idempotency }) => {
    const head = JSON.stringify({ user_id: identity.user, tenant_id: identity.tenant, idempotency });
    return `${head.slice(0, -1)},"spans":[${spans.join(',')}]}`;
  });
  return {
    name: 'append_spans',
    text: 'SELECT ledger.append_spans($1), pg_current_xact_id() AS tx_id',
    values: [`[${texts.join(',')}]`],
  };
}

/** One INSERT for each identity instead of one for each caller; a batch with a key keeps its own. */
function mergeByIdentity(batches: readonly AppendBatch[]): WireBatch[] {
  const merged = new Map<string, WireBatch>();
  const wire: WireBatch[] = [];
  for (const { identity, spans, idempotency } of batches) {
    const texts = spans.map(({ json }) => json);
    const name = JSON.stringify([identity.tenant, identity.user]);
    const same = idempotency === undefined ? merged.get(name) : undefined;
    if (same !== undefined) {
      same.spans.push(...texts);
      continue;
    }
    const batch: WireBatch = { identity, spans: texts, idempotency };
    wire.push(batch);
    if (idempotency === undefined) merged.set(name, batch);
  }
  return wire;
}

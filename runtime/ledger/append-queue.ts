import { UnavailableError } from '../base/errors';
import type { Identity } from '../base/identity';
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
  /** Statements under way at once. Defaults to 2. */
  readonly maxInFlight?: number;
  /**
   * Spans that must wait before a statement is sent beside one that is under way. Fewer would only make two
   * small commits of one: with 32 callers a span then costs PostgreSQL 150 µs instead of 190. Defaults to 64.
   */
  readonly minSpansBeside?: number;
  /** Spans that share one statement at most; a larger batch still travels whole. Defaults to 500. */
  readonly maxSpansPerCommit?: number;
  /** Spans that may wait; beyond that callers get 503 instead of memory growing. Defaults to 20,000. */
  readonly maxWaitingSpans?: number;
}

interface Waiting {
  readonly batch: AppendBatch;
  readonly resolve: (txId: string) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Commits batches of concurrent callers together: while one statement is under way the next group gathers,
 * so the cost of a commit is shared exactly when there is load.
 *
 * Identities are not mixed: each batch is inserted under its own, checked by row-level security. When a
 * shared statement is refused, its batches are parted until the refused one is alone, so that one caller's
 * fault stays its own.
 */
export class AppendQueue {
  readonly #database: Database;
  readonly #maxInFlight: number;
  readonly #minSpansBeside: number;
  readonly #maxSpansPerCommit: number;
  readonly #maxWaitingSpans: number;
  #waiting: Waiting[] = [];
  #waitingSpans = 0;
  #inFlight = 0;

  constructor(database: Database, options: AppendQueueOptions = {}) {
    this.#database = database;
    this.#maxInFlight = options.maxInFlight ?? 2;
    this.#minSpansBeside = options.minSpansBeside ?? 64;
    this.#maxSpansPerCommit = options.maxSpansPerCommit ?? 500;
    this.#maxWaitingSpans = options.maxWaitingSpans ?? 20_000;
  }

  /**
   * Resolves when the batch is committed, to the id of its transaction.
   * @throws pg's error for a refusal by the database; UnavailableError when too much is waiting or the
   * database is gone. After the latter the batch may or may not be committed: only ids or an
   * Idempotency-Key make a retry safe.
   */
  append(batch: AppendBatch): Promise<string> {
    if (this.#waitingSpans + batch.spans.length > this.#maxWaitingSpans) {
      return Promise.reject(
        new UnavailableError('Too many spans are waiting to be written; try again in a moment.', {
          retryAfterSeconds: 1,
        }),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      this.#waitingSpans += batch.spans.length;
      // Callers whose requests arrived in the same turn of the event loop join the same group.
      setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    while (this.#maySend()) {
      const group = this.#takeGroup();
      this.#inFlight += 1;
      void this.#commit(group).finally(() => {
        this.#inFlight -= 1;
        this.#flush();
      });
    }
  }

  #maySend(): boolean {
    if (this.#waiting.length === 0) return false;
    if (this.#inFlight === 0) return true;
    return this.#inFlight < this.#maxInFlight && this.#waitingSpans >= this.#minSpansBeside;
  }

  #takeGroup(): Waiting[] {
    let spans = 0;
    let count = 0;
    for (const { batch } of this.#waiting) {
      if (count > 0 && spans + batch.spans.length > this.#maxSpansPerCommit) break;
      spans += batch.spans.length;
      count += 1;
    }
    this.#waitingSpans -= spans;
    return this.#waiting.splice(0, count);
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    try {
      const txId = await this.#send(group.map((waiting) => waiting.batch));
      for (const waiting of group) waiting.resolve(txId);
    } catch (error) {
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

import { LogLineError } from '../base/errors';
import { FairShares } from '../base/fair-shares';
import type { Identity } from '../base/identity';
import { LruCache } from '../base/lru-cache';
import { TenantQueue } from '../base/tenant-queue';
import { asLogLineError, isConnectionLost, isFrozen, isLockTimeout } from '../db/database-error';
import type { Database } from '../db/pool';
import type { EncodedSpan } from './span-signature';

/** What is stored about a request with an `Idempotency-Key`, named as the SQL function's arguments. */
export interface IdempotencyRecord {
  readonly key: string;
  /** Digest of the user and the drafts. */
  readonly fingerprint: string;
  /** All spans of the request, in its order. */
  readonly span_ids: readonly string[];
  readonly span_seqs: readonly number[];
}

/** Spans of one caller that are committed together or not at all. */
export interface AppendBatch {
  readonly identity: Identity;
  readonly spans: readonly EncodedSpan[];
  readonly idempotency?: IdempotencyRecord | undefined;
}

/** How batches share statements, and how many may wait. */
export interface AppendQueueOptions {
  /** Statements in flight in each lane, but for that of refused tenants, which has one. Defaults to 2. */
  readonly maxInFlight?: number;
  /**
   * Small-lane spans that must wait before a second statement is sent while one is in flight. Fewer would split one
   * commit into two small ones, which costs PostgreSQL more per span. Defaults to 64.
   */
  readonly minSpansBeside?: number;
  /** Most spans of large batches in one statement; a single larger batch is sent whole. Defaults to 500. */
  readonly maxSpansPerCommit?: number;
  /** A batch of this many spans goes to the large lane. Defaults to 64. */
  readonly largeFromSpans?: number;
  /** A batch of this many bytes goes to the large lane. Defaults to 128 KiB. */
  readonly largeFromBytes?: number;
  /** Most spans of small batches in one statement, about 12 ms of work. Defaults to 128. */
  readonly maxSmallSpansPerCommit?: number;
  /** Most spans that may wait, shared between tenants as {@link FairShares} says. Defaults to 20,000. */
  readonly maxWaitingSpans?: number;
  /** Connections for the statements of large batches and of busy tenants. Defaults to those of the others. */
  readonly bulk?: Database | undefined;
  /** Called after every commit with the number of batches that shared it. */
  readonly onCommit?: (batches: number) => void;
}

interface Waiting {
  readonly batch: AppendBatch;
  readonly bytes: number;
  /** Until when it is tried again when another transaction holds what it needs. */
  readonly untilMs: number;
  readonly resolve: (txId: string) => void;
  readonly reject: (error: unknown) => void;
}

/** Batches of one kind, served round-robin by tenant, and how they share statements. */
interface Lane {
  readonly queue: TenantQueue<Waiting>;
  /** Most spans and bytes of one statement; the first batch is sent whatever its size. */
  readonly maxSpans: number;
  readonly maxBytes: number;
  /** Whether batches of several tenants share a statement. */
  readonly isShared: boolean;
  /** How long a statement waits for a lock, in milliseconds; so do those behind it. */
  readonly lockMs: number;
  /** Most statements in flight. */
  readonly maxInFlight: number;
  readonly database: Database;
  spans: number;
  inFlight: number;
}

/** About 20 ms of work for PostgreSQL. */
const MAX_BYTES_PER_COMMIT = 512 * 1024;

/** A tenant with more batches under way is busy, and its small ones have a lane of their own. */
const MAX_LIGHT_BATCHES = 8;

/** A tenant whose batch was refused shares no statement with others for this long. */
const APART_MS = 2_000;
/** Most spans of a tenant's small batches in one statement meanwhile: of many, one refused batch costs many statements. */
const MAX_APART_SPANS = 16;
const MAX_APART_TENANTS = 1_000;

/** Lock time-outs of statements with small and large batches. A transaction holds the keys that it inserts to its end. */
const SMALL_LOCK_MS = 25;
const LARGE_LOCK_MS = 250;
/** Pause before a batch that needs a lock is tried again, and for how long it is: the roles' lock time-out. */
const LOCKED_PAUSE_MS = 50;
const LOCK_PATIENCE_MS = 5_000;

/**
 * Group commit: while one statement is in flight the next group gathers, so that the cost of a commit is shared exactly
 * when there is load.
 *
 * Tenants are served round-robin, and small batches have a lane of their own: otherwise a single span would take as long
 * as the statement of 1,000 spans that it waits for or shares. So do small batches of tenants that have many of them under
 * way: a statement of 128 spans takes 50 ms on a busy machine. Large batches of different tenants share no statement.
 *
 * Each batch is inserted under its own identity and checked by row-level security. When a shared statement is refused,
 * its batches are bisected, by tenant first, until the refused one is alone, so that one caller's fault does not fail the
 * others. Its tenant's next batches share no statement with others: bisecting for one that sends nothing but refused
 * batches would cost the others a hundred statements each time.
 *
 * A statement that needs a key of a running transaction gives up soon and is tried again later: a tenant that appends
 * the same id in a large batch and beside it would otherwise hold up everybody's spans for as long as the batch takes.
 */
export class AppendQueue {
  readonly #options: Required<Omit<AppendQueueOptions, 'onCommit' | 'bulk'>>;
  readonly #room: FairShares;
  readonly #small: Lane;
  readonly #large: Lane;
  /** Small batches of tenants that have many under way. */
  readonly #busy: Lane;
  /** Tenant → its batches under way. */
  readonly #underWay = new Map<string, number>();
  /** Small batches of tenants that had one refused, each tenant's in statements of their own. */
  readonly #apart: Lane;
  /** Tenant → until when its batches go there. */
  readonly #apartUntilMs = new LruCache<number>(MAX_APART_TENANTS);
  #failedAtMs: number | undefined;
  readonly #onCommit: ((batches: number) => void) | undefined;

  constructor(database: Database, options: AppendQueueOptions = {}) {
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
    // A full queue refuses at once.
    this.#room = new FairShares({
      what: 'spans waiting to be written',
      capacity: this.#options.maxWaitingSpans,
      maxWaiting: 0,
    });
    const { bulk = database } = options;
    const { maxSmallSpansPerCommit, maxSpansPerCommit, maxInFlight } = this.#options;
    const small = { maxSpans: maxSmallSpansPerCommit, isShared: true, lockMs: SMALL_LOCK_MS, maxInFlight };
    this.#small = lane({ ...small, database });
    this.#busy = lane({ ...small, database: bulk });
    this.#apart = lane({
      ...small,
      database: bulk,
      maxSpans: MAX_APART_SPANS,
      isShared: false,
      maxInFlight: 1,
    });
    this.#large = lane({
      database: bulk,
      maxSpans: maxSpansPerCommit,
      isShared: false,
      lockMs: LARGE_LOCK_MS,
      maxInFlight,
    });
  }

  /** When the last statement failed, unless by a caller's fault; undefined when it did not. */
  get failedAtMs(): number | undefined {
    return this.#failedAtMs;
  }

  /**
   * Commits a batch. Resolves to the id of its transaction.
   * @throws pg's error when the database refuses the batch; ShareUsedUpError or UnavailableError when too many spans
   *   wait; UnavailableError when the connection is lost. After the latter the batch may or may not be committed: only
   *   ids or an Idempotency-Key make a retry safe.
   */
  async append(batch: AppendBatch): Promise<string> {
    const { tenant } = batch.identity;
    const release = await this.#room.take(tenant, batch.spans.length);
    this.#count(tenant, 1);
    try {
      return await new Promise((resolve, reject) => {
        const bytes = batch.spans.reduce((sum, { json }) => sum + json.length, 0);
        this.#push({ batch, bytes, untilMs: performance.now() + LOCK_PATIENCE_MS, resolve, reject });
      });
    } finally {
      this.#count(tenant, -1);
      release();
    }
  }

  #count(tenant: string, change: number): void {
    const count = (this.#underWay.get(tenant) ?? 0) + change;
    if (count === 0) this.#underWay.delete(tenant);
    else this.#underWay.set(tenant, count);
  }

  #push(waiting: Waiting): void {
    const { batch, bytes } = waiting;
    const own = this.#laneOf(batch, bytes);
    own.queue.push(batch.identity.tenant, waiting);
    own.spans += batch.spans.length;
    // So that callers of the same turn of the event loop join the same group.
    setImmediate(() => this.#flush(own));
  }

  #laneOf({ spans, identity }: AppendBatch, bytes: number): Lane {
    const { largeFromSpans, largeFromBytes } = this.#options;
    if (spans.length >= largeFromSpans || bytes >= largeFromBytes) return this.#large;
    const isApart = (this.#apartUntilMs.get(identity.tenant) ?? 0) > performance.now();
    if (isApart) return this.#apart;
    return (this.#underWay.get(identity.tenant) ?? 0) > MAX_LIGHT_BATCHES ? this.#busy : this.#small;
  }

  #flush(own: Lane): void {
    while (this.#maySend(own)) {
      const group = takeGroup(own);
      own.inFlight += 1;
      void this.#commit(group, own).finally(() => {
        own.inFlight -= 1;
        this.#flush(own);
      });
    }
  }

  #maySend({ queue, inFlight, maxInFlight, spans, isShared }: Lane): boolean {
    if (queue.length === 0) return false;
    if (inFlight === 0) return true;
    return inFlight < maxInFlight && (!isShared || spans >= this.#options.minSpansBeside);
  }

  async #commit(group: readonly Waiting[], own: Lane): Promise<void> {
    try {
      const batches = group.map((waiting) => waiting.batch);
      const txId = await this.#send(batches, own);
      this.#failedAtMs = undefined;
      for (const waiting of group) waiting.resolve(txId);
      this.#onCommit?.(group.length);
    } catch (error) {
      if (group.length > 1 && !isConnectionLost(error)) {
        // By halves: one refused batch among 64 costs 12 more statements, not 64.
        for (const half of halves(group)) await this.#commit(half, own);
        return;
      }
      for (const waiting of group) this.#refuse(waiting, error);
    }
  }

  /** Tells a batch's caller that it was refused, or tries it again when it needs what another transaction holds. */
  #refuse(waiting: Waiting, error: unknown): void {
    const { tenant } = waiting.batch.identity;
    const isLocked = isLockTimeout(error);
    const isOurs = !isLocked && isOurFault(error);
    if (!isLocked) this.#failedAtMs = isOurs ? Date.now() : undefined;
    if (!isOurs) this.#apartUntilMs.set(tenant, performance.now() + APART_MS);
    if (isLocked && performance.now() < waiting.untilMs)
      setTimeout(() => this.#push(waiting), LOCKED_PAUSE_MS);
    else waiting.reject(error);
  }

  async #send(batches: readonly AppendBatch[], { database, lockMs }: Lane): Promise<string> {
    const client = await database.connect().catch((error) => {
      throw asLogLineError(error);
    });
    try {
      const { rows } = await client.query<{ tx_id: string }>(appendQuery(mergeByIdentity(batches), lockMs));
      client.release();
      const [row] = rows;
      if (row === undefined) throw new Error('an append returned no transaction id');
      return row.tx_id;
    } catch (error) {
      client.release(isConnectionLost(error));
      throw isConnectionLost(error) ? asLogLineError(error) : error;
    }
  }
}

function lane(own: Pick<Lane, 'database' | 'maxSpans' | 'isShared' | 'lockMs' | 'maxInFlight'>): Lane {
  return { ...own, queue: new TenantQueue(), maxBytes: MAX_BYTES_PER_COMMIT, spans: 0, inFlight: 0 };
}

/** Takes the batches of the next statement: of several tenants in a shared lane, else of one. */
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

/** Half of the tenants each, those with the fewest batches first; of one tenant half of its batches each. */
function halves(group: readonly Waiting[]): readonly (readonly Waiting[])[] {
  const byTenant = Map.groupBy(group, ({ batch }) => batch.identity.tenant);
  const parts =
    byTenant.size === 1
      ? group.map((waiting) => [waiting])
      : [...byTenant.values()].sort((one, other) => one.length - other.length);
  const half = Math.ceil(parts.length / 2);
  return [parts.slice(0, half).flat(), parts.slice(half).flat()];
}

function isOurFault(error: unknown): boolean {
  if (isFrozen(error)) return false;
  const known = asLogLineError(error);
  return !(known instanceof LogLineError) || known.status >= 500;
}

interface WireBatch {
  readonly identity: Identity;
  readonly spans: string[];
  readonly idempotency: IdempotencyRecord | undefined;
}

/** The statement that appends. The spans' JSON texts are concatenated, not serialised again. */
function appendQuery(
  batches: readonly WireBatch[],
  lockMs: number,
): { name: string; text: string; values: string[] } {
  const [first] = batches;
  const lockTimeout = `${lockMs}ms`;
  if (batches.length === 1 && first !== undefined && first.idempotency === undefined) {
    const { identity, spans } = first;
    return {
      name: 'append_spans_of_one',
      text: `WITH impatient AS (SELECT set_config('lock_timeout', $4, true))
        SELECT ledger.append_spans($1, $2, $3), pg_current_xact_id() AS tx_id FROM impatient`,
      values: [identity.user, identity.tenant, `[${spans.join(',')}]`, lockTimeout],
    };
  }
  const texts = batches.map(({ identity, spans, idempotency }) => {
    const head = JSON.stringify({ user_id: identity.user, tenant_id: identity.tenant, idempotency });
    return `${head.slice(0, -1)},"spans":[${spans.join(',')}]}`;
  });
  return {
    name: 'append_spans',
    text: `WITH impatient AS (SELECT set_config('lock_timeout', $2, true))
      SELECT ledger.append_spans($1), pg_current_xact_id() AS tx_id FROM impatient`,
    values: [`[${texts.join(',')}]`, lockTimeout],
  };
}

/** Merges batches so that there is one INSERT per identity; a batch with an Idempotency-Key stays separate. */
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

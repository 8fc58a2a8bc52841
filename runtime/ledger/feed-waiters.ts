import { type Identity, NOBODY } from '../base/identity';
import type { Database } from '../db/pool';
import { queryAs } from '../db/query-as';

/** Limits of {@link FeedWaiters}. */
export interface FeedWaitersOptions {
  readonly database: Database;
  /** Most waiters in this process. Defaults to 1,000. */
  readonly maxWaiters?: number;
  /** Most waiters of one tenant. Defaults to 20. */
  readonly maxPerTenant?: number;
  /** Polling interval, for commits of other processes. Defaults to 250. */
  readonly lookEveryMs?: number;
}

/** How a wait ended. */
export interface FeedNews {
  readonly isNews: boolean;
  /** Where the next wait begins: what earlier transactions wrote has been looked at. */
  readonly since: bigint;
}

interface Waiter {
  readonly identity: Identity;
  /** Waits for spans of transactions from this id on. */
  since: bigint;
  readonly resolve: (isNews: boolean) => void;
}

/** Delay after a commit, so that commits in quick succession share one poll. */
const GATHER_MS = 10;

/**
 * Long polling of the feed: readers wait until a span arrives that they may read. All waiters share one poll at a time,
 * a single statement that checks under each identity, with its row-level security, for new spans.
 */
export class FeedWaiters {
  readonly #database: Database;
  readonly #maxWaiters: number;
  readonly #maxPerTenant: number;
  readonly #lookEveryMs: number;
  readonly #slots = new Map<string, number>();
  #taken = 0;
  readonly #waiting = new Set<Waiter>();
  #isLooking = false;
  #wake: (() => void) | undefined;

  constructor(options: FeedWaitersOptions) {
    this.#database = options.database;
    this.#maxWaiters = options.maxWaiters ?? 1_000;
    this.#maxPerTenant = options.maxPerTenant ?? 20;
    this.#lookEveryMs = options.lookEveryMs ?? 250;
  }

  /** Takes a slot for one waiter and returns its release function; undefined when the process or tenant has none left. */
  takeSlot(tenant: string): (() => void) | undefined {
    const own = this.#slots.get(tenant) ?? 0;
    if (this.#taken >= this.#maxWaiters || own >= this.#maxPerTenant) return undefined;
    this.#taken += 1;
    this.#slots.set(tenant, own + 1);
    return () => {
      this.#taken -= 1;
      const left = (this.#slots.get(tenant) ?? 1) - 1;
      if (left === 0) this.#slots.delete(tenant);
      else this.#slots.set(tenant, left);
    };
  }

  /** Polls at once, because this process has committed something. */
  notice(): void {
    this.#wake?.();
  }

  /**
   * Waits for a span that the identity may read, written by a transaction from `since` on and visible in the feed; no
   * longer than `timeoutMs`, or until the signal aborts.
   */
  next(identity: Identity, since: bigint, timeoutMs: number, signal: AbortSignal): Promise<FeedNews> {
    if (signal.aborted) return Promise.resolve({ isNews: false, since });
    return new Promise((resolve) => {
      const end = () => waiter.resolve(false);
      const timer = setTimeout(end, timeoutMs);
      signal.addEventListener('abort', end, { once: true });
      const waiter: Waiter = {
        identity,
        since,
        resolve: (isNews) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          this.#waiting.delete(waiter);
          if (this.#waiting.size === 0) this.#wake?.();
          resolve({ isNews, since: waiter.since });
        },
      };
      this.#waiting.add(waiter);
      if (!this.#isLooking) void this.#keepLooking();
    });
  }

  async #keepLooking(): Promise<void> {
    this.#isLooking = true;
    while (this.#waiting.size > 0) {
      // A failed poll counts as one that found nothing: waiters have their own timeout.
      await this.#look().catch(() => undefined);
      if (this.#waiting.size > 0) await this.#pause();
    }
    this.#isLooking = false;
  }

  async #pause(): Promise<void> {
    const isCommit = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), this.#lookEveryMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
    this.#wake = undefined;
    if (isCommit) await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
  }

  async #look(): Promise<void> {
    const readers = new Map<string, Waiter[]>();
    for (const waiter of this.#waiting) {
      const name = JSON.stringify([waiter.identity.tenant, waiter.identity.user]);
      const same = readers.get(name);
      if (same === undefined) readers.set(name, [waiter]);
      else same.push(waiter);
    }
    const groups = [...readers.values()];
    const first = groups.flatMap(([one]) => one ?? []);
    const values = [
      first.map(({ identity }) => identity.user),
      first.map(({ identity }) => identity.tenant),
      groups.map((group) => String(earliest(group))),
    ];
    const { rows } = await queryAs<{ complete: string; news: boolean[] }>(
      this.#database,
      NOBODY,
      { name: 'feed_news', text: 'SELECT * FROM app.feed_news($1, $2, $3)', values },
      'read',
    );
    const [row] = rows;
    if (row === undefined) return;
    const complete = BigInt(row.complete);
    groups.forEach((group, index) => {
      for (const waiter of group) {
        // What one poll has found to be unreadable no later one looks at: a busy stranger would make each longer.
        if (complete > waiter.since) waiter.since = complete;
        if (row.news[index]) waiter.resolve(true);
      }
    });
  }
}

function earliest(waiters: readonly Waiter[]): bigint {
  const [first = 0n, ...others] = waiters.map(({ since }) => since);
  return others.reduce((least, since) => {
    if (since < least) return since;
    return least;
  }, first);
}

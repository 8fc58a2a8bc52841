import { type Identity, NOBODY } from '../base/identity';
import type { Database } from '../db/pool';
import { queryAs } from '../db/query-as';

export interface FeedWaitersOptions {
  readonly database: Database;
  /** Defaults to 1,000. */
  readonly maxWaiters?: number;
  /** Of one tenant. Defaults to 20. */
  readonly maxPerTenant?: number;
  /** How long what another process commits may go unnoticed. Defaults to 250. */
  readonly lookEveryMs?: number;
}

interface Waiter {
  readonly identity: Identity;
  /** What was written by transactions from here on is news. */
  readonly since: bigint;
  readonly resolve: (xmin: bigint | undefined) => void;
}

/** Commits that come right after each other are looked at together. */
const GATHER_MS = 10;

/**
 * Lets readers of the feed wait until something that they may read arrives. However many wait, they share one look at
 * the database at a time: one statement that asks, under each identity and its row-level security, whether there is
 * news.
 */
export class FeedWaiters {
  readonly #database: Database;
  readonly #maxWaiters: number;
  readonly #maxPerTenant: number;
  readonly #lookEveryMs: number;
  readonly #seats = new Map<string, number>();
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

  /** A place to wait in, to be given back; undefined when all, or all of the tenant, are taken. */
  takeSeat(tenant: string): (() => void) | undefined {
    const own = this.#seats.get(tenant) ?? 0;
    if (this.#taken >= this.#maxWaiters || own >= this.#maxPerTenant) return undefined;
    this.#taken += 1;
    this.#seats.set(tenant, own + 1);
    return () => {
      this.#taken -= 1;
      const left = (this.#seats.get(tenant) ?? 1) - 1;
      if (left === 0) this.#seats.delete(tenant);
      else this.#seats.set(tenant, left);
    };
  }

  /** Something was committed by this process. */
  notice(): void {
    this.#wake?.();
  }

  /**
   * Resolves once something that the identity may read was written by a transaction from `since` on and shows in the
   * feed: to the id below which that look was complete. Undefined after `timeoutMs`, or when the signal aborts.
   */
  next(
    identity: Identity,
    since: bigint,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<bigint | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const end = () => waiter.resolve(undefined);
      const timer = setTimeout(end, timeoutMs);
      signal.addEventListener('abort', end, { once: true });
      const waiter: Waiter = {
        identity,
        since,
        resolve: (xmin) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          this.#waiting.delete(waiter);
          if (this.#waiting.size === 0) this.#wake?.();
          resolve(xmin);
        },
      };
      this.#waiting.add(waiter);
      if (!this.#isLooking) void this.#keepLooking();
    });
  }

  async #keepLooking(): Promise<void> {
    this.#isLooking = true;
    while (this.#waiting.size > 0) {
      // A look that fails is the same as one that finds nothing: waiters end by their own time.
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
    groups.forEach((group, index) => {
      if (row.news[index]) for (const waiter of group) waiter.resolve(BigInt(row.complete));
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

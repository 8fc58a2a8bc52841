import { ShareUsedUpError, UnavailableError } from './errors';
import { TenantQueue } from './tenant-queue';

export interface FairSharesOptions {
  /** What is shared, as the policy's name in RateLimit headers and in words: `request bytes`. */
  readonly what: string;
  /** How much there is. */
  readonly capacity: number;
  /** Waiters of one tenant at most. Defaults to 1,000. */
  readonly maxWaiting?: number;
  /** How long one waits at most. Defaults to 10,000. */
  readonly maxWaitMs?: number;
}

interface Waiting {
  readonly tenant: string;
  readonly amount: number;
  readonly grant: (release: () => void) => void;
}

const RETRY_AFTER_S = 1;

/**
 * Something there is only so much of (bytes in memory, connections), shared between tenants. A tenant holds at most
 * as much as is left free then: alone it gets a half, and whoever comes next finds room (Choudhury and Hahne,
 * "Dynamic queue length thresholds", 1998). What does not fit waits, and is served in turn by tenant.
 */
export class FairShares {
  readonly #options: Required<FairSharesOptions>;
  readonly #held = new Map<string, number>();
  readonly #waiting = new TenantQueue<Waiting>();
  #total = 0;

  constructor(options: FairSharesOptions) {
    this.#options = { maxWaiting: 1_000, maxWaitMs: 10_000, ...options };
  }

  /** How many wait just now, over all tenants. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The most that is sure to be granted in the end. */
  get surelyGranted(): number {
    return Math.floor(this.#options.capacity / 4);
  }

  /** How much is held just now, over all tenants. */
  get held(): number {
    return this.#total;
  }

  /**
   * Takes a part, waiting for it when it must.
   * @param amount up to {@link surelyGranted} is sure to be granted in the end.
   * @returns gives the part back; calling it twice does nothing.
   * @throws ShareUsedUpError (429) when the tenant's share is used up while others are served; UnavailableError (503)
   * when it is used up and nobody else is there.
   */
  async take(tenant: string, amount: number): Promise<() => void> {
    const granted = this.tryTake(tenant, amount);
    if (granted !== undefined) return granted;
    if (this.#waiting.lengthOf(tenant) >= this.#options.maxWaiting) throw this.#refusal(tenant);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        tenant,
        amount,
        grant(release) {
          clearTimeout(timer);
          resolve(release);
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.remove(tenant, waiting);
        reject(this.#refusal(tenant));
      }, this.#options.maxWaitMs);
      this.#waiting.push(tenant, waiting);
    });
  }

  /** Takes a part when it can be had at once: what {@link take} returns, else undefined. */
  tryTake(tenant: string, amount: number): (() => void) | undefined {
    const isNext = this.#waiting.lengthOf(tenant) === 0 && this.#fits(tenant, amount);
    return isNext ? this.#grant(tenant, amount) : undefined;
  }

  #fits(tenant: string, amount: number): boolean {
    const free = this.#options.capacity - this.#total - amount;
    const held = this.#held.get(tenant) ?? 0;
    return held === 0 ? free >= 0 : held + amount <= free;
  }

  #grant(tenant: string, amount: number): () => void {
    this.#add(tenant, amount);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#add(tenant, -amount);
      this.#serve();
    };
  }

  #serve(): void {
    for (;;) {
      const next = this.#waiting.take(({ tenant, amount }) => this.#fits(tenant, amount));
      if (next === undefined) return;
      next.grant(this.#grant(next.tenant, next.amount));
    }
  }

  #add(tenant: string, amount: number): void {
    this.#total += amount;
    const held = (this.#held.get(tenant) ?? 0) + amount;
    if (held === 0) this.#held.delete(tenant);
    else this.#held.set(tenant, held);
  }

  #refusal(tenant: string): ShareUsedUpError | UnavailableError {
    const { what, capacity } = this.#options;
    const others = [...this.#held.keys()].some((holder) => holder !== tenant);
    // Who holds nothing has used up no share: then there is simply no room.
    if (!this.#held.has(tenant) || (!others && this.#waiting.tenants <= 1)) {
      return new UnavailableError(`Too much is under way (${what}); try again in a moment.`, {
        retryAfterSeconds: RETRY_AFTER_S,
      });
    }
    return new ShareUsedUpError(
      `Your tenant's share (${what}) is used up while others wait; try again in a moment.`,
      {
        retryAfterSeconds: RETRY_AFTER_S,
        rateLimit: { policy: what, quota: Math.floor(capacity / 2), windowSeconds: RETRY_AFTER_S },
      },
    );
  }
}

/** A part of a {@link FairShares} that grows while its need becomes known. */
export class Reservation {
  readonly #shares: FairShares;
  readonly #tenant: string;
  readonly #releases: (() => void)[] = [];
  #amount = 0;

  constructor(shares: FairShares, tenant: string) {
    this.#shares = shares;
    this.#tenant = tenant;
  }

  /** Holds so much in all, or more. @throws as {@link FairShares.take} does. */
  async atLeast(amount: number): Promise<void> {
    const more = amount - this.#amount;
    if (more <= 0) return;
    this.#releases.push(await this.#shares.take(this.#tenant, more));
    this.#amount = amount;
  }

  release(): void {
    for (const release of this.#releases.splice(0)) release();
  }
}

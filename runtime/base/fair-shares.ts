import { setTimeout as delay } from 'node:timers/promises';
import { ShareUsedUpError, UnavailableError } from './errors';
import { TenantQueue } from './tenant-queue';

/** What a {@link FairShares} shares out, and its limits. */
export interface FairSharesOptions {
  /** Name of the resource, in error messages and as the policy in RateLimit headers: `request bytes`. */
  readonly what: string;
  /** Total amount, in the resource's own unit (bytes, connections). */
  readonly capacity: number;
  /** Most requests of one tenant that may wait. Defaults to 1,000. */
  readonly maxWaiting?: number;
  /** Longest wait of one request. Defaults to 10,000. */
  readonly maxWaitMs?: number;
  /**
   * Whether a tenant's first amount, too, leaves as much free as it takes: for bytes, since eight tenants that each take an
   * eighth would otherwise leave no room for a small request of a ninth. Defaults to false.
   */
  readonly keepsRoom?: boolean;
  /**
   * Milliseconds that a request waits for its refusal when too many wait already: a client that comes back as soon as it
   * is refused would otherwise keep the thread busy with nothing else. Defaults to 0.
   */
  readonly refusedAfterMs?: number;
}

interface Waiting {
  readonly tenant: string;
  readonly amount: number;
  readonly grant: (release: () => void) => void;
}

const DEFAULTS = { maxWaiting: 1_000, maxWaitMs: 10_000, keepsRoom: false, refusedAfterMs: 0 };
const RETRY_AFTER_S = 1;
/** Most requests that wait for their refusal; further ones are refused at once. */
const MAX_HELD_REFUSALS = 2_000;

/**
 * A limited resource (bytes in memory, connections) shared between tenants by dynamic thresholds (Choudhury and Hahne,
 * "Dynamic queue length thresholds", 1998): a tenant may hold as much as remains free, so one tenant alone gets half
 * of the capacity and the next one still finds room. Requests that do not fit wait, served round-robin by tenant.
 */
export class FairShares {
  readonly #options: FairSharesOptions & typeof DEFAULTS;
  readonly #held = new Map<string, number>();
  readonly #waiting = new TenantQueue<Waiting>();
  #total = 0;
  #heldRefusals = 0;

  constructor(options: FairSharesOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Requests that wait now, over all tenants. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The largest amount that fits beside one tenant that holds its whole share; beside several it may wait in vain. */
  get guaranteed(): number {
    return Math.floor(this.#options.capacity / 4);
  }

  /** Amount held now, over all tenants. */
  get held(): number {
    return this.#total;
  }

  /**
   * Takes an amount, waiting up to `maxWaitMs` for it.
   * @param amount at most {@link guaranteed}, or the wait may never succeed
   * @returns a function that releases the amount; a second call does nothing
   * @throws ShareUsedUpError (429) when the tenant holds its share while other tenants hold or wait for theirs;
   *   UnavailableError (503) when it holds nothing, or no other tenant is active
   */
  async take(tenant: string, amount: number): Promise<() => void> {
    const granted = this.tryTake(tenant, amount);
    if (granted !== undefined) return granted;
    if (this.#waiting.lengthOf(tenant) >= this.#options.maxWaiting) {
      await this.#holdRefusal();
      throw this.#refusal(tenant);
    }
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

  /** {@link take} without waiting: undefined when the amount is not free now, or requests of the tenant already wait. */
  tryTake(tenant: string, amount: number): (() => void) | undefined {
    const isNext = this.#waiting.lengthOf(tenant) === 0 && this.#fits(tenant, amount);
    return isNext ? this.#grant(tenant, amount) : undefined;
  }

  #fits(tenant: string, amount: number): boolean {
    const { capacity, keepsRoom } = this.#options;
    const free = capacity - this.#total - amount;
    const held = this.#held.get(tenant) ?? 0;
    return held === 0 && !keepsRoom ? free >= 0 : held + amount <= free;
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

  async #holdRefusal(): Promise<void> {
    const { refusedAfterMs } = this.#options;
    if (refusedAfterMs === 0 || this.#heldRefusals >= MAX_HELD_REFUSALS) return;
    this.#heldRefusals += 1;
    await delay(refusedAfterMs, undefined, { ref: false });
    this.#heldRefusals -= 1;
  }

  #refusal(tenant: string): ShareUsedUpError | UnavailableError {
    const { what, capacity } = this.#options;
    const others = [...this.#held.keys()].some((holder) => holder !== tenant);
    // A tenant that holds nothing has not used up its share: the resource as a whole is exhausted.
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

/** One holder's amount of a {@link FairShares}, which grows as the need becomes known. */
export class Reservation {
  readonly #shares: FairShares;
  readonly #tenant: string;
  readonly #releases: (() => void)[] = [];
  #amount = 0;

  constructor(shares: FairShares, tenant: string) {
    this.#shares = shares;
    this.#tenant = tenant;
  }

  /** Amount held now. */
  get amount(): number {
    return this.#amount;
  }

  /** Grows the amount held to `amount`, if it is smaller. @throws as {@link FairShares.take} does. */
  async atLeast(amount: number): Promise<void> {
    const more = amount - this.#amount;
    if (more <= 0) return;
    this.#releases.push(await this.#shares.take(this.#tenant, more));
    this.#amount = amount;
  }

  /** Releases all of it. */
  release(): void {
    for (const release of this.#releases.splice(0)) release();
    this.#amount = 0;
  }
}

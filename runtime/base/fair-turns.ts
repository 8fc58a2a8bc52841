/** Work of one turn of the event loop, in bytes of JSON: some 2 ms of parsing, hashing or writing. */
export const TURN_BYTES = 64 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly start: () => void;
}

/** Beyond so many tenants, those are forgotten that are owed nothing. */
const MAX_REMEMBERED = 1_000;

/**
 * Shares out the thread that serves: between two turns of the event loop only so much is worked off, by bytes in turn
 * by tenant. Without it, two hundred batches that are cut into slices still do two hundred slices a turn, and a
 * single span of somebody else waits for all of them at each of its steps.
 *
 * The next piece is of the tenant that had the fewest bytes since it began to ask (start-time fair queueing: Goyal, Vin
 * and Cheng, 1996). By pieces, a page of twenty small spans waited for twenty spans of 1 MB of somebody else.
 */
export class FairTurns {
  readonly #waiting = new Map<string, Waiting[]>();
  /** Tenant → where on the clock its next piece may start: where the last one did, and that one's bytes. */
  readonly #next = new Map<string, number>();
  /** In bytes: where the piece stood that was started last. */
  #clock = 0;
  #spentBytes = 0;
  #isTurnPlanned = false;
  #turns = 0;

  /** Turns of the event loop that were used so far; what tests count. */
  get turns(): number {
    return this.#turns;
  }

  /**
   * Asks for a turn; undefined when the work may begin at once, which costs a quiet server nothing.
   * @param bytes how much JSON will be worked on; one piece may be larger than {@link TURN_BYTES}.
   */
  take(tenant: string, bytes: number): Promise<void> | undefined {
    if (this.#hasRoom(bytes) && this.#isNext(tenant)) {
      this.#spend(tenant, bytes);
      return undefined;
    }
    return new Promise((start) => {
      const own = this.#waiting.get(tenant);
      if (own === undefined) this.#waiting.set(tenant, [{ bytes, start }]);
      else own.push({ bytes, start });
    });
  }

  #hasRoom(bytes: number): boolean {
    return this.#spentBytes === 0 || this.#spentBytes + bytes <= TURN_BYTES;
  }

  /** Whether nobody who waits stands before the tenant. */
  #isNext(tenant: string): boolean {
    if (this.#waiting.size === 0) return true;
    if (this.#waiting.has(tenant)) return false;
    const place = this.#placeOf(tenant);
    for (const other of this.#waiting.keys()) if (this.#placeOf(other) <= place) return false;
    return true;
  }

  #placeOf(tenant: string): number {
    return Math.max(this.#clock, this.#next.get(tenant) ?? 0);
  }

  #spend(tenant: string, bytes: number): void {
    this.#clock = this.#placeOf(tenant);
    this.#next.set(tenant, this.#clock + bytes);
    if (this.#next.size > MAX_REMEMBERED) this.#forgetSettled();
    // Also work without bytes is work, so that a turn is planned.
    this.#spentBytes += Math.max(bytes, 1);
    if (this.#isTurnPlanned) return;
    this.#isTurnPlanned = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isTurnPlanned = false;
    this.#spentBytes = 0;
    this.#turns += 1;
    if (this.#waiting.size === 0) this.#next.clear();
    for (;;) {
      const tenant = this.#first();
      const own = tenant === undefined ? undefined : this.#waiting.get(tenant);
      const piece = own?.[0];
      if (tenant === undefined || own === undefined || piece === undefined || !this.#hasRoom(piece.bytes))
        return;
      own.shift();
      // Of several that stand at the same place, it is the last one then.
      this.#waiting.delete(tenant);
      if (own.length > 0) this.#waiting.set(tenant, own);
      this.#spend(tenant, piece.bytes);
      piece.start();
    }
  }

  #first(): string | undefined {
    let first: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const tenant of this.#waiting.keys()) {
      const place = this.#placeOf(tenant);
      if (place >= least) continue;
      least = place;
      first = tenant;
    }
    return first;
  }

  #forgetSettled(): void {
    for (const [tenant, place] of this.#next) if (place <= this.#clock) this.#next.delete(tenant);
  }
}

import { TenantQueue } from './tenant-queue';

/** Work of one turn of the event loop, in bytes of JSON: some 2 ms of parsing, hashing or writing. */
export const TURN_BYTES = 64 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly start: () => void;
}

/**
 * Shares out the thread that serves: between two turns of the event loop only so much is worked off, taken in turn
 * by tenant. Without it, two hundred batches that are cut into slices still do two hundred slices a turn, and a
 * single span of somebody else waits for all of them at each of its steps.
 */
export class FairTurns {
  readonly #waiting = new TenantQueue<Waiting>();
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
    if (this.#waiting.length === 0 && (this.#spentBytes === 0 || this.#spentBytes + bytes <= TURN_BYTES)) {
      this.#spend(bytes);
      return undefined;
    }
    return new Promise((start) => this.#waiting.push(tenant, { bytes, start }));
  }

  #spend(bytes: number): void {
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
    for (;;) {
      const next = this.#waiting.take(
        ({ bytes }) => this.#spentBytes === 0 || this.#spentBytes + bytes <= TURN_BYTES,
      );
      if (next === undefined) return;
      this.#spend(next.bytes);
      next.start();
    }
  }
}

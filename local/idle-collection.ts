import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const CHECKED_EVERY_MS = 5_000;
/** Share of the time between two checks that the event loop of an idle process works at most. */
const IDLE = 0.05;
/** Share from which on so much may have been allocated that a collection is worth its 20 ms. */
const BUSY = 0.2;

/**
 * Collects the heap once when a process that was busy has become idle. V8 collects when something is allocated, so an
 * idle process keeps the pages that it freed last: 80 MiB after a minute of batches of a thousand spans.
 */
export class IdleCollection {
  readonly #collect: () => void;
  readonly #timer: NodeJS.Timeout;
  #since = performance.eventLoopUtilization();
  #wasBusy = false;

  /** Begins to watch this process's event loop; does not keep the process alive. */
  static start(): IdleCollection {
    // The function is had only in a context that is made after the flag was set.
    setFlagsFromString('--expose-gc');
    return new IdleCollection(runInNewContext('gc') as () => void, CHECKED_EVERY_MS);
  }

  constructor(collect: () => void, checkedEveryMs: number) {
    this.#collect = collect;
    this.#timer = setInterval(() => this.#check(), checkedEveryMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    const { utilization } = performance.eventLoopUtilization(this.#since);
    this.#since = performance.eventLoopUtilization();
    this.look(utilization);
  }

  /** @param utilization share of the time since the last look that the event loop worked, 0 to 1 */
  look(utilization: number): void {
    if (utilization >= BUSY) this.#wasBusy = true;
    if (!this.#wasBusy || utilization > IDLE) return;
    this.#wasBusy = false;
    this.#collect();
  }
}

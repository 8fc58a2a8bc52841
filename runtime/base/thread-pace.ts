import { performance } from 'node:perf_hooks';

/** How long work may be put off at a time. */
const MAX_REST_MS = 250;

/** Idle time for each unit of busy time: heavy tenants get a seventh of the thread while a light one is active. */
const IDLE_PER_BUSY = 6;

/** Tells how long heavy work should rest. */
export interface Pace {
  /** Milliseconds to rest from now on; 0 for none. */
  restMs(): number;
  /** To be called when a rest is over. */
  rested(): void;
}

/**
 * Keeps the thread that serves idle for more than half of the time, as its event loop measures it. A thread that is always busy waits for a
 * processor each time another program wants it: on two cores a request that takes 3 ms took 35 beside a thread that was
 * all busy (bench/README.md, "A noisy neighbour").
 */
export class ThreadPace implements Pace {
  #since = performance.eventLoopUtilization();

  restMs(): number {
    const { active, idle } = performance.eventLoopUtilization(this.#since);
    const restMs = IDLE_PER_BUSY * active - idle;
    // Idle time is not saved up.
    if (restMs <= 0) this.rested();
    return Math.min(Math.max(0, restMs), MAX_REST_MS);
  }

  rested(): void {
    this.#since = performance.eventLoopUtilization();
  }
}

import { performance } from 'node:perf_hooks';

/** How long work may be put off at a time: a rest that took longer would be felt by the tenant that rests. */
const MAX_REST_MS = 50;

/** Tells how long heavy work should rest. */
export interface Pace {
  /** Milliseconds to rest from now on; 0 for none. */
  restMs(): number;
  /** To be called when a rest is over. */
  rested(): void;
}

/**
 * Keeps the thread that serves half idle, as its event loop measures it. A thread that is always busy waits for a
 * processor each time another program wants it: on two cores a request that takes 3 ms took 35 beside a thread that was
 * all busy (bench/README.md, "A noisy neighbour").
 */
export class ThreadPace implements Pace {
  #since = performance.eventLoopUtilization();

  restMs(): number {
    const { active, idle } = performance.eventLoopUtilization(this.#since);
    // Idle time is not saved up.
    if (idle >= active) this.rested();
    return Math.min(Math.max(0, active - idle), MAX_REST_MS);
  }

  rested(): void {
    this.#since = performance.eventLoopUtilization();
  }
}

import { UnavailableError } from '../base/errors';
import { LaneQueue } from '../sandbox';

export interface TurnsOptions {
  /** Turns at a time. */
  readonly size: number;
  /** Turns of one lane at a time. Defaults to `size`. */
  readonly perLane?: number;
  /** Callers that may wait, and those of one lane. */
  readonly maxWaiting: number;
  readonly maxWaitingPerLane?: number;
}

interface Waiter {
  readonly lane: string;
  start(): void;
}

/** Limits concurrent work; waiting callers are served round-robin by lane. */
export class Turns {
  readonly #size: number;
  readonly #perLane: number;
  readonly #queue: LaneQueue<Waiter>;
  readonly #running = new Map<string, number>();
  #count = 0;

  constructor({ size, perLane = size, maxWaiting, maxWaitingPerLane = maxWaiting }: TurnsOptions) {
    this.#size = size;
    this.#perLane = perLane;
    this.#queue = new LaneQueue(maxWaiting, maxWaitingPerLane);
  }

  /**
   * Waits for a turn, then runs `work`.
   * @throws UnavailableError when too many wait already, the signal's reason when it is aborted while waiting, and
   *   what `work` throws
   */
  async take<T>(lane: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    await this.#turn(lane, signal);
    try {
      return await work();
    } finally {
      this.#end(lane);
    }
  }

  #turn(lane: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        if (this.#queue.remove(waiter)) reject(signal.reason);
      };
      const waiter: Waiter = {
        lane,
        start: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (!this.#queue.push(waiter)) {
        signal.removeEventListener('abort', onAbort);
        reject(
          new UnavailableError('Too many calls are waiting already; await some before you make more.', {
            retryAfterSeconds: 1,
          }),
        );
        return;
      }
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#count < this.#size) {
      const next = this.#queue.take((lane) => (this.#running.get(lane) ?? 0) < this.#perLane);
      if (next === undefined) return;
      this.#count += 1;
      this.#running.set(next.lane, (this.#running.get(next.lane) ?? 0) + 1);
      next.start();
    }
  }

  #end(lane: string): void {
    this.#count -= 1;
    const left = (this.#running.get(lane) ?? 1) - 1;
    if (left > 0) this.#running.set(lane, left);
    else this.#running.delete(lane);
    this.#dispatch();
  }
}

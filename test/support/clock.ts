/** Runs `run` under a clock that is computed from the real one at each look (`Date.now` of this process). */
export async function withClock<T>(clock: (realMs: number) => number, run: () => T | Promise<T>): Promise<T> {
  const { now } = Date;
  Date.now = () => clock(now());
  try {
    return await run();
  } finally {
    Date.now = now;
  }
}

/** Runs `run` while the clock is ahead; afterwards it is set back. */
export function withClockAhead<T>(aheadMs: number, run: () => T | Promise<T>): Promise<T> {
  return withClock((realMs) => realMs + aheadMs, run);
}

/** Forty days: longer than any time-out, than a timer of Node can wait, and than `duration_ms` can tell. */
export const FAR_AHEAD_MS = 40 * 86_400_000;

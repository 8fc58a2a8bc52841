/** JSON values, or tokens of JSON, that one slice works on: about 5 ms. */
export const VALUES_A_SLICE = 4_096;

/** Yields the main thread to other requests; undefined when the work may go on at once. */
export type Pause = () => Promise<void> | undefined;

/** Runs work that yields between slices, with a pause at each yield. */
export async function inSlices<T>(work: Generator<undefined, T>, pause: Pause): Promise<T> {
  for (;;) {
    const next = work.next();
    if (next.done) return next.value;
    await pause();
  }
}

/** Runs the same work without pauses. */
export function inOneGo<T>(work: Generator<undefined, T>): T {
  for (;;) {
    const next = work.next();
    if (next.done) return next.value;
  }
}

/** JSON values, or tokens of JSON, that one slice works on: some 5 ms. */
export const VALUES_A_SLICE = 4_096;

/** Lets others have the thread that serves; undefined when the work may go on at once. */
export type Pause = () => Promise<void> | undefined;

/** Does work that yields between its slices, with a pause at each. */
export async function inSlices<T>(work: Generator<undefined, T>, pause: Pause): Promise<T> {
  for (;;) {
    const next = work.next();
    if (next.done) return next.value;
    await pause();
  }
}

/** Does the same work in one go. */
export function inOneGo<T>(work: Generator<undefined, T>): T {
  for (;;) {
    const next = work.next();
    if (next.done) return next.value;
  }
}

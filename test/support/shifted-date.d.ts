/** Shifts the clock of this process, `Date.now()` and `new Date()`, by an offset that is asked for at each look; returns how to end it. */
export function shiftDate(offsetMs: () => number): () => void;

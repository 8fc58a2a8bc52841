/**
 * Whether something of the Unix time `sinceMs` is younger than `ageMs`. A time that lies ahead says that the clock was set
 * back, and nothing about the age: false, so that what is remembered is looked up again.
 */
export function isYounger(sinceMs: number, ageMs: number, nowMs: number = Date.now()): boolean {
  return sinceMs <= nowMs && nowMs - sinceMs < ageMs;
}

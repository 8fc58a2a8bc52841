/**
 * Dates and midnights in Paris by the rule of the European Union (Directive 2000/84/EC): summer time from the
 * last Sunday of March, 01:00 UTC, to the last Sunday of October, 01:00 UTC. In force since 1996.
 *
 * Computed by rule, since the midnight ruler runs in QuickJS, which has no time zones.
 */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MARCH = 2;
const OCTOBER = 9;

/** The local date, `YYYY-MM-DD`, at a Unix time in ms. */
export function parisDate(ms: number): string {
  return new Date(ms + offsetMs(ms)).toISOString().slice(0, 10);
}

/** The Unix time in ms at which a local date begins. Clocks never change at midnight. */
export function parisMidnight(date: string): number {
  const winterMs = Date.parse(`${date}T00:00:00.000Z`) - HOUR_MS;
  return winterMs + HOUR_MS - offsetMs(winterMs);
}

/** The following date. */
export function nextDate(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00.000Z`) + DAY_MS).toISOString().slice(0, 10);
}

function offsetMs(ms: number): number {
  const year = new Date(ms).getUTCFullYear();
  return ms >= lastSundayMs(year, MARCH) && ms < lastSundayMs(year, OCTOBER) ? 2 * HOUR_MS : HOUR_MS;
}

/** 01:00 UTC on the last Sunday of a month of 31 days. */
function lastSundayMs(year: number, month: number): number {
  const last = new Date(Date.UTC(year, month, 31, 1));
  return last.getTime() - last.getUTCDay() * DAY_MS;
}

/** Times as people read them: local, with UTC at hand. */

const PARTS = {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
} as const;
const SHORT = new Intl.DateTimeFormat(undefined, PARTS);
const LONG = new Intl.DateTimeFormat(undefined, { year: 'numeric', ...PARTS });

/** Day and time in the zone of the browser, with the year where it is another one; the text itself when it is no time. */
export function localTime(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  return (isThisYear ? SHORT : LONG).format(date);
}

/** What hovering over {@link localTime} tells. */
export function utcTitle(at: string): string {
  return `${at} (UTC)`;
}

const UNITS = [
  [90, 1, 'second'],
  [5_400, 60, 'minute'],
  [172_800, 3_600, 'hour'],
  [Infinity, 86_400, 'day'],
] as const;

/** `in 3 min`, `12 s ago`. */
export function relativeTime(at: string, now: number = Date.now()): string {
  const seconds = (new Date(at).getTime() - now) / 1000;
  const [, length, unit] = UNITS.find(([end]) => Math.abs(seconds) < end) ?? [];
  if (length === undefined || unit === undefined) return at;
  const format = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
  return format.format(Math.round(seconds / length), unit);
}

/** `2026-11-26T10:00` of an input in local time → RFC 3339 in UTC; undefined when it is no time. */
export function utcOfLocal(text: string): string | undefined {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** RFC 3339 → what an input of type datetime-local takes; empty when it is no time. */
export function localOfUtc(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 23);
}

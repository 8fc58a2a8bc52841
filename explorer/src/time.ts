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

/** Date and time in the browser's zone, without the current year; the text itself when it is no time. */
export function localTime(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  return (isThisYear ? SHORT : LONG).format(date);
}

/** Title of an element that shows {@link localTime}. */
export function utcTitle(at: string): string {
  return `${at} (UTC)`;
}

const UNITS = [
  [90, 1, 'second'],
  [5_400, 60, 'minute'],
  [172_800, 3_600, 'hour'],
  [Infinity, 86_400, 'day'],
] as const;

/** Such as `in 3 min`, `12 sec. ago`; the text itself when it is no time. */
export function relativeTime(at: string, now: number = Date.now()): string {
  const seconds = (new Date(at).getTime() - now) / 1000;
  const [, length, unit] = UNITS.find(([end]) => Math.abs(seconds) < end) ?? [];
  if (length === undefined || unit === undefined) return at;
  const format = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
  return format.format(Math.round(seconds / length), unit);
}

/** Local time of a datetime-local input (`2026-11-26T10:00`) → RFC 3339 in UTC; undefined when it is no time. */
export function utcOfLocal(text: string): string | undefined {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** RFC 3339 → value of a datetime-local input; empty when it is no time. */
export function localOfUtc(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 23);
}

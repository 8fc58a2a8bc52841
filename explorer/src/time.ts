/** Times as people read them: local, with UTC at hand. */

const TIME = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});
const DAY = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
const DAY_AND_YEAR = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric' });

/** Day and time in the zone of the browser, with the year where it is another one; the text itself when it is no time. */
export function localTime(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const day = date.getFullYear() === new Date().getFullYear() ? DAY : DAY_AND_YEAR;
  return `${day.format(date)}, ${TIME.format(date)}`;
}

/** What hovering over {@link localTime} tells. */
export function utcTitle(at: string): string {
  return `${at} (UTC)`;
}

/** `in 3 min`, `12 s ago`. */
export function relativeTime(at: string, now: number = Date.now()): string {
  const ms = new Date(at).getTime() - now;
  if (Number.isNaN(ms)) return at;
  const format = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
  const seconds = Math.round(ms / 1000);
  if (Math.abs(seconds) < 90) return format.format(seconds, 'second');
  if (Math.abs(seconds) < 5_400) return format.format(Math.round(seconds / 60), 'minute');
  if (Math.abs(seconds) < 172_800) return format.format(Math.round(seconds / 3_600), 'hour');
  return format.format(Math.round(seconds / 86_400), 'day');
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

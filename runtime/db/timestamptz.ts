/**
 * Turns PostgreSQL's text of a timestamptz(3) in a UTC session (`2026-11-23 08:00:00.1+00`) into the
 * ledger's form: RFC 3339, UTC, exactly three fractional digits, `Z`.
 * A span's hash covers these characters, so nothing goes through a Date, which is slower and less exact.
 * @throws RangeError for infinity, BC years and sessions that are not in UTC.
 */
export function parseTimestamptz(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?\d*\+00$/.exec(text);
  if (match === null) throw new RangeError(`cannot read the timestamp ${text}`);
  return `${match[1]}T${match[2]}.${(match[3] ?? '').padEnd(3, '0')}Z`;
}

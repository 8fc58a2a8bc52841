/**
 * Converts PostgreSQL's text of a timestamptz in a UTC session (`2026-11-23 08:00:00.1+00`) to the ledger's form: RFC
 * 3339, UTC, exactly three fractional digits, `Z`; further digits are cut. No Date is involved: a span's hash covers
 * these characters.
 * @throws RangeError for infinity, BC years and sessions that are not in UTC
 */
export function parseTimestamptz(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?\d*\+00$/.exec(text);
  if (match === null) throw new RangeError(`cannot read the timestamp ${text}`);
  return `${match[1]}T${match[2]}.${(match[3] ?? '').padEnd(3, '0')}Z`;
}

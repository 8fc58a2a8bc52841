/** `at`: RFC 3339 in UTC with exactly three fractional digits and `Z`, which is what `Date#toISOString` writes. */
const PATTERN = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Whether a text is a span's `at`: of that form, and a moment that exists. */
export function isTimestamp(value: unknown): value is string {
  if (typeof value !== 'string' || !PATTERN.test(value)) return false;
  const moment = new Date(value);
  // V8 reads 30 February as 1 March, so only the way back tells.
  return !Number.isNaN(moment.getTime()) && moment.toISOString() === value;
}

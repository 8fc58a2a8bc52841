/** `at`: RFC 3339 in UTC with exactly three fractional digits and `Z`, which is what `Date#toISOString` writes. */
const PATTERN = /^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{3}Z$/;
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether a value has the form of a span's `at` and is an existing time. On the hot path: no Date is made. */
export function isTimestamp(value: unknown): value is string {
  if (typeof value !== 'string' || !PATTERN.test(value)) return false;
  const month = Number(value.slice(5, 7));
  const day = Number(value.slice(8, 10));
  const days = month === 2 && isLeap(Number(value.slice(0, 4))) ? 29 : (DAYS[month - 1] ?? 0);
  return day >= 1 && day <= days && value.slice(11, 13) < '24';
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** RFC 3339 section 5.6 date-time: any offset, any number of fractional digits. */
const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/;

/**
 * Any RFC 3339 timestamp in the ledger's form. Undefined when it is none, does not exist (30 February, a leap second),
 * is outside the years 1 to 9999, or is more precise than milliseconds.
 */
export function normalizeTimestamp(value: string): string | undefined {
  if (isTimestamp(value)) return value.startsWith('0000') ? undefined : value;
  const [, date, time, fraction = '', offset = ''] = RFC_3339.exec(value) ?? [];
  if (date === undefined || time === undefined || /[^0]/.test(fraction.slice(3))) return undefined;
  const local = `${date}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}`;
  if (!isTimestamp(`${local}Z`)) return undefined;
  const instant = new Date(`${local}${offset.toUpperCase()}`);
  if (Number.isNaN(instant.getTime())) return undefined;
  const text = instant.toISOString();
  return isTimestamp(text) && !text.startsWith('0000') ? text : undefined;
}

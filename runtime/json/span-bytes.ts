import type { JsonValue } from '../base/span';

/** Largest span, by {@link writtenBytes}. */
export const MAX_SPAN_BYTES = 1024 * 1024;

/** Largest magnitude of a decimal exponent of a double: 5e-324 is the smallest one. */
export const MAX_EXPONENT = 324;

/**
 * Upper bound of a value's size as JSON without white space, in bytes. PostgreSQL's jsonb has no exponents: `1e308` is
 * stored and read back as 309 digits.
 */
export function writtenBytes(value: JsonValue): number {
  return Buffer.byteLength(JSON.stringify(value)) + addedDigits(value);
}

/** Upper bound of the digits that jsonb adds by writing numbers without exponents. */
function addedDigits(value: JsonValue): number {
  if (typeof value === 'number') return Math.abs(Number(String(value).split('e')[1] ?? 0));
  if (typeof value !== 'object' || value === null) return 0;
  let sum = 0;
  for (const member of Object.values(value)) sum += addedDigits(member);
  return sum;
}

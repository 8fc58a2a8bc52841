import type { JsonValue } from '../base/span';

/** Largest span, by {@link writtenBytes}. */
export const MAX_SPAN_BYTES = 1024 * 1024;

/** The largest exponent of a double that is not zero, either way. */
export const MAX_EXPONENT = 308;

/**
 * What a value takes as JSON without white space, in bytes, at most: jsonb knows no exponents, and `1e308`, sent with
 * five characters, is stored and read back as its 309 digits.
 */
export function writtenBytes(value: JsonValue): number {
  return Buffer.byteLength(JSON.stringify(value)) + digitsBeyond(value);
}

/** By how much numbers are longer in jsonb than in JSON as JavaScript writes it, at most. */
function digitsBeyond(value: JsonValue): number {
  if (typeof value === 'number') return Math.abs(Number(String(value).split('e')[1] ?? 0));
  if (typeof value !== 'object' || value === null) return 0;
  let sum = 0;
  for (const member of Object.values(value)) sum += digitsBeyond(member);
  return sum;
}

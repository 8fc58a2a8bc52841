import type { JsonObject, JsonValue } from '../base/span';

/** Of the 1 MiB and 50,000 JSON values of a span, the share of its large members. */
const SPAN_BYTES = 1024 * 1024 - 16 * 1024;
const SPAN_VALUES = 50_000 - 500;
/** Characters kept of a text, or of the JSON of another value, that does not fit. */
const HEAD_CHARACTERS = 1_000;

/**
 * The remaining room of one span. Put values in, the most important first; one that does not fit is replaced by
 * `{"truncated": true, "bytes": …, "head": "…"}` with the size and the beginning of its JSON.
 */
export class SpanRoom {
  #bytes = SPAN_BYTES;
  #values = SPAN_VALUES;

  /** @param taken content that the span has already */
  constructor(taken: JsonValue = null) {
    this.#bytes -= bytesOf(JSON.stringify(taken)) + addedDigits(taken);
    this.#values -= countOf(taken);
  }

  /** The value, or its truncated form when it does not fit. */
  put(value: JsonValue): JsonValue {
    const text = JSON.stringify(value);
    const bytes = bytesOf(text) + addedDigits(value);
    const values = countOf(value);
    const hasRoom = bytes <= this.#bytes && values <= this.#values;
    if (!hasRoom) return { truncated: true, bytes, head: text.slice(0, HEAD_CHARACTERS).toWellFormed() };
    this.#bytes -= bytes;
    this.#values -= values;
    return value;
  }

  /**
   * The members of a span, the smallest first, as far as they fit: a text that does not is cut short, any other value
   * truncated as {@link put} does.
   */
  keep(members: JsonObject): { readonly [name: string]: JsonValue } {
    const bySize = Object.entries(members)
      .flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
      .map(([name, value]) => ({ name, value, bytes: JSON.stringify(value).length }))
      .sort((one, other) => one.bytes - other.bytes);
    return Object.fromEntries(
      bySize.map(({ name, value }) => {
        const kept = this.put(value);
        const isCut = kept !== value && typeof value === 'string';
        return [name, isCut ? `${value.slice(0, HEAD_CHARACTERS).toWellFormed()}…` : kept];
      }),
    );
  }
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Upper bound of the digits that jsonb adds by storing numbers without exponents: `1e308` has 309 digits. */
function addedDigits(value: JsonValue): number {
  if (typeof value === 'number') return Math.abs(Number(String(value).split('e')[1] ?? 0));
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, member) => sum + addedDigits(member), 0);
}

function countOf(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, member) => sum + countOf(member), 1);
}

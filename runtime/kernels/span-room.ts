import type { JsonValue } from '../base/span';

/** A span may have 1 MiB and 50,000 JSON values; the rest is for its other members. */
const SPAN_BYTES = 1024 * 1024 - 16 * 1024;
const SPAN_VALUES = 50_000 - 500;
/** Characters that stay of a value that has no room. */
const HEAD_CHARACTERS = 1_000;

/**
 * The room of one span. Values are put into it one after another, the most important first; one that has no room any
 * more is cut: `{"truncated": true, "bytes": …, "head": "…"}` says how long its JSON was and how it began.
 */
export class SpanRoom {
  #bytes = SPAN_BYTES;
  #values = SPAN_VALUES;

  /** @param taken what the span holds already */
  constructor(taken: JsonValue = null) {
    this.#bytes -= bytesOf(JSON.stringify(taken)) + digitsBeyond(taken);
    this.#values -= countOf(taken);
  }

  put(value: JsonValue): JsonValue {
    const text = JSON.stringify(value);
    const bytes = bytesOf(text) + digitsBeyond(value);
    const values = countOf(value);
    const hasRoom = bytes <= this.#bytes && values <= this.#values;
    if (!hasRoom) return { truncated: true, bytes, head: text.slice(0, HEAD_CHARACTERS).toWellFormed() };
    this.#bytes -= bytes;
    this.#values -= values;
    return value;
  }
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** By how much numbers are longer where they are stored, which knows no exponents: `1e308` has 309 digits. */
function digitsBeyond(value: JsonValue): number {
  if (typeof value === 'number') return Math.abs(Number(String(value).split('e')[1] ?? 0));
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, member) => sum + digitsBeyond(member), 0);
}

function countOf(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, member) => sum + countOf(member), 1);
}

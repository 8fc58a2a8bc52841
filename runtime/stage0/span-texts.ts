import { MalformedError } from '../base/errors';
import { VALUES_A_SLICE } from '../base/slices';
import { MAX_SPAN_BYTES } from '../json/span-bytes';

// Bytes that JSON is made of (RFC 8259 section 2). In UTF-8 none of them is part of another character.
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const SMALL_E = 0x65;
const LARGE_E = 0x45;

/** A part of a body that must be the JSON of one span. */
export interface SpanText {
  readonly bytes: Uint8Array;
  /** JSON values in it: objects, arrays, strings, numbers and literals, but not member names. */
  readonly values: number;
  /** Numbers with an exponent in it, which can be far longer where they are stored. */
  readonly exponents: number;
}

/** The parts of a body, and whether the client sent a list. */
export interface SpanTexts {
  readonly texts: readonly SpanText[];
  readonly isList: boolean;
}

/**
 * Splits a JSON body into the texts of its spans before anything is parsed: each is then parsed by itself, with pauses in
 * between, and a body of too many values is refused after a single scan of its bytes.
 *
 * The parts are JSON exactly when the body is: what lies between the top-level commas of an array must be one value
 * each, which `JSON.parse` then judges.
 * @param refuseMore called before each part beyond the first with how many there are.
 * @throws MalformedError when the array does not end, or something follows it.
 */
export function spanTextsOfJson(bytes: Uint8Array, refuseMore: (count: number) => void): SpanTexts {
  const start = skipSpace(bytes, 0);
  if (bytes[start] !== OPEN_ARRAY) return { texts: [spanText(bytes)], isList: false };
  const texts: SpanText[] = [];
  let at = start + 1;
  if (bytes[skipSpace(bytes, at)] === CLOSE_ARRAY) {
    refuseTail(bytes, skipSpace(bytes, at) + 1);
    return { texts, isList: true };
  }
  for (;;) {
    const { end, values, exponents } = scan(bytes, at);
    refuseMore(texts.length + 1);
    texts.push({ bytes: bytes.subarray(at, end), values, exponents });
    at = end + 1;
    if (bytes[end] === COMMA) continue;
    if (bytes[end] !== CLOSE_ARRAY) throw unfinished();
    refuseTail(bytes, at);
    return { texts, isList: true };
  }
}

/** Splits NDJSON at its newlines; blank lines are skipped. */
export function spanTextsOfLines(bytes: Uint8Array, refuseMore: (count: number) => void): SpanText[] {
  const texts: SpanText[] = [];
  // All blank lines at once: a body may hold four million.
  let start = skipSpace(bytes, 0);
  while (start < bytes.length) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline === -1 ? bytes.length : newline;
    refuseMore(texts.length + 1);
    texts.push(spanText(bytes.subarray(start, end)));
    start = skipSpace(bytes, end);
  }
  return texts;
}

/** Whether parsing it takes longer than a slice: of few values it may still be a text of four million escapes. */
export function isLarge(text: SpanText): boolean {
  return hasManyValues(text) || text.bytes.length > MAX_SPAN_BYTES;
}

/** Whether it is worked on in slices. */
export function hasManyValues({ values }: SpanText): boolean {
  return values > VALUES_A_SLICE;
}

/** Measures a JSON text; one that is no JSON up to where `JSON.parse` refuses it at the latest. */
export function spanText(bytes: Uint8Array): SpanText {
  const { values, exponents } = scan(bytes, 0);
  return { bytes, values, exponents };
}

interface Scanned {
  readonly end: number;
  readonly values: number;
  readonly exponents: number;
}

/** Walks from `start` to the first comma or closing bracket that belongs to no container opened since. */
function scan(bytes: Uint8Array, start: number): Scanned {
  let exponents = 0;
  let depth = 0;
  let values = 1;
  for (let at = start; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at);
        break;
      case COMMA:
        if (depth === 0) return { end: at, values, exponents };
        values += 1;
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT: {
        depth += 1;
        const next = bytes[skipSpace(bytes, at + 1)];
        if (next !== CLOSE_ARRAY && next !== CLOSE_OBJECT) values += 1;
        break;
      }
      case SMALL_E:
      case LARGE_E:
        if (isDigit(bytes[at - 1])) exponents += 1;
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        if (depth === 0) return { end: at, values, exponents };
        depth -= 1;
    }
  }
  return { end: bytes.length, values, exponents };
}

/** What stands before the `e` of a number, and never before that of `true` and `false`. */
function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** Index of the closing quote, or of the last byte when there is none. */
function endOfString(bytes: Uint8Array, quote: number): number {
  let at = quote + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** Index of the first byte from `at` on that is no JSON white space. */
function skipSpace(bytes: Uint8Array, at: number): number {
  let next = at;
  for (; next < bytes.length; next += 1) {
    const byte = bytes[next];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
  }
  return next;
}

function refuseTail(bytes: Uint8Array, at: number): void {
  if (skipSpace(bytes, at) < bytes.length) throw notJson('something follows the array');
}

function unfinished(): MalformedError {
  return notJson('the array does not end with ]');
}

function notJson(detail: string): MalformedError {
  return new MalformedError(`not JSON: ${detail}`, {
    faults: [{ pointer: '', detail: `not JSON: ${detail}` }],
  });
}

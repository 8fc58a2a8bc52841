import type { Fault } from '../base/errors';
import type { JsonValue } from '../base/span';
import { MAX_JSON_DEPTH, problemIn } from './canonical-json';
import { isExactNumber } from './exact-number';
import { MAX_SPAN_BYTES, writtenBytes } from './span-bytes';
import { textFaults } from './text-faults';

/**
 * What the ledger can store. Values that do not arrive as request text are checked here: drafts of functions and
 * kernels, results of runs, answers of services. Request text is checked by `parseIJson`, under the same rules for
 * texts, numbers and depth.
 */

/** Most JSON values in one span: a value of two bytes costs as much work and memory as one of a hundred. */
export const MAX_SPAN_VALUES = 50_000;

/** The text with U+FFFD for each code unit that the ledger cannot store; for text meant for human readers only. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/**
 * The first thing in a value that the ledger cannot store exactly; undefined when there is none.
 * @param depth nesting level of the value within its span: 1 for a span itself, 2 for a member
 */
export function storageFault(value: unknown, depth = 1): Fault | undefined {
  const problem = problemIn(value, depth, (text) => textFaults(text)[0]);
  return problem && { pointer: problem.path, detail: problem.detail };
}

/** A fault when a span holds more than {@link MAX_SPAN_VALUES}, else undefined. */
export function valuesFault(span: JsonValue): Fault | undefined {
  return extentOf(span).values <= MAX_SPAN_VALUES
    ? undefined
    : { pointer: '', detail: `holds more than ${MAX_SPAN_VALUES} JSON values` };
}

/** A fault when a span is longer than {@link MAX_SPAN_BYTES}, else undefined. */
export function bytesFault(span: JsonValue): Fault | undefined {
  const { values, units } = extentOf(span);
  if (MAX_UNIT_BYTES * units + MAX_VALUE_BYTES * values <= MAX_SPAN_BYTES) return undefined;
  const bytes = writtenBytes(span);
  if (bytes <= MAX_SPAN_BYTES) return undefined;
  return { pointer: '', detail: `is ${bytes} bytes long, its numbers written out without exponents` };
}

/** Most bytes of a UTF-16 code unit within a JSON string: an escape such as \u001f. */
const MAX_UNIT_BYTES = 6;
/** Most bytes of a value apart from its texts: a number without exponent, or quotes, brackets, colon and comma. */
const MAX_VALUE_BYTES = 340;

/** Number of JSON values, and of UTF-16 code units in texts and names. */
function extentOf(value: JsonValue): { values: number; units: number } {
  const sum = { values: 1, units: typeof value === 'string' ? value.length : 0 };
  if (typeof value !== 'object' || value === null) return sum;
  for (const [name, member] of Object.entries(value)) {
    const { values, units } = extentOf(member);
    sum.values += values;
    sum.units += units + (Array.isArray(value) ? 0 : name.length);
  }
  return sum;
}

/** A parsed foreign JSON text, or its fault as a predicate such as "is not JSON". */
export type StorableJson = { readonly value: JsonValue } | { readonly fault: string };

/**
 * Parses JSON of a foreign service, changed only as far as storing it requires: a number that no double holds exactly
 * becomes a string of its source text, and texts become {@link storableText}. A byte order mark is ignored (RFC 8259
 * section 8.1).
 * @param depth nesting level that the value will have within a span
 */
export function readStorableJson(text: string, depth: number): StorableJson {
  try {
    const value: JsonValue = JSON.parse(text.replace(/^\uFEFF/, ''), exactOrText);
    return { value: storableCopy(value, depth) };
  } catch (error) {
    if (error instanceof SyntaxError) return { fault: 'is not JSON' };
    if (error instanceof RangeError)
      return { fault: `nests deeper than ${MAX_JSON_DEPTH - depth + 1} levels` };
    throw error;
  }
}

function exactOrText(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number') return value;
  const source = context?.source ?? String(value);
  return isExactNumber(source) ? value : source;
}

/** @throws RangeError when it nests too deeply */
function storableCopy(value: JsonValue, depth: number): JsonValue {
  if (typeof value === 'string') return storableText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_JSON_DEPTH) throw new RangeError('nested too deep');
  if (Array.isArray(value)) return value.map((element) => storableCopy(element, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [storableText(name), storableCopy(member, depth + 1)]),
  );
}

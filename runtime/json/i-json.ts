import { type Fault, MalformedError } from '../base/errors';
import { inSlices, type Pause } from '../base/slices';
import type { JsonValue } from '../base/span';
import { MAX_JSON_DEPTH } from './canonical-json';
import { faultsIn, scanForFaults } from './i-json-faults';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses JSON that must survive unchanged: I-JSON (RFC 7493) within what PostgreSQL can store.
 *
 * Beyond what `JSON.parse` refuses: invalid UTF-8 and a byte order mark; lone surrogates and U+0000, in strings and
 * in member names; a member name twice in one object; numbers that no double holds exactly (`isExactNumber`); nesting
 * deeper than {@link MAX_JSON_DEPTH}. A member called `__proto__` is a member like any other.
 *
 * Most input costs one `JSON.parse` and a quick check that rules all of this out; only where that cannot tell does a
 * full scan decide, which takes several times as long.
 *
 * @throws MalformedError with every fault found (at most 100), each with its JSON pointer
 */
export function parseIJson(input: string | Uint8Array): JsonValue {
  const text = typeof input === 'string' ? input : decode(input);
  const value = parse(text);
  return cannotHideFaults(text, value) ? value : withoutFaults(value, faultsIn(text));
}

/**
 * {@link parseIJson} for large input, with a pause after `JSON.parse` and between slices of a full scan.
 * @throws as parseIJson does.
 */
export async function parseIJsonInSlices(input: string | Uint8Array, pause: Pause): Promise<JsonValue> {
  const text = typeof input === 'string' ? input : decode(input);
  const value = parse(text);
  await pause();
  if (cannotHideFaults(text, value)) return value;
  return withoutFaults(value, await inSlices(scanForFaults(text), pause));
}

function withoutFaults(value: JsonValue, faults: readonly Fault[]): JsonValue {
  if (faults.length > 0)
    throw new MalformedError('the JSON cannot be stored exactly as it was sent', { faults });
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw refusal('the body is not valid UTF-8');
  }
}

function parse(text: string): JsonValue {
  if (text.startsWith('\ufeff'))
    throw refusal('not JSON: it begins with a byte order mark (U+FEFF); send it without one');
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw refusal(`not JSON: ${error instanceof Error ? error.message : 'syntax error'}`);
  }
}

function refusal(detail: string): MalformedError {
  return new MalformedError(detail, { faults: [{ pointer: '', detail }] });
}

/** An escape of U+0000 or of a surrogate, paired or not. */
const RISKY_ESCAPE = /\\u(?:0000|[dD][89a-fA-F])/;

/**
 * A number token of 16 characters or more before any exponent, or with an exponent. Requires `[`, `:`, `,`, white space
 * or the start of the text before it, so that hashes and UUIDs do not match.
 */
const RISKY_NUMBER = /(?:^|[[:,\s])-?(?:[\d.]{16}|[\d.]+[eE])/;

/**
 * Whether a text that parsed to `value` certainly has no faults. Conservative: anything it cannot tell from a fault (a
 * colon within a string that looks like a member) goes to the full scan.
 */
function cannotHideFaults(text: string, value: JsonValue): boolean {
  if (RISKY_NUMBER.test(text) || !text.isWellFormed()) return false;
  // Emoji escaped as surrogate pairs are common: check the decoded strings instead.
  if (RISKY_ESCAPE.test(text) && !holdsGoodText(value, 1)) return false;
  // A duplicate name is written twice but held once.
  return membersWritten(text) === membersHeld(value, 1);
}

/** Whether no string or name has a lone surrogate or U+0000; false when the value is nested too deeply. */
function holdsGoodText(value: JsonValue, depth: number): boolean {
  if (typeof value === 'string') return isGoodText(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth > MAX_JSON_DEPTH) return false;
  if (Array.isArray(value)) return value.every((element) => holdsGoodText(element, depth + 1));
  return Object.entries(value).every(
    ([name, member]) => isGoodText(name) && holdsGoodText(member, depth + 1),
  );
}

function isGoodText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\u0000');
}

/** Upper bound of the members written: colons right after a quote, some of which may be inside strings. */
function membersWritten(text: string): number {
  let count = 0;
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    let before = at - 1;
    while (before >= 0 && text.charCodeAt(before) <= 0x20) before -= 1;
    if (text.charCodeAt(before) === 0x22) count += 1;
  }
  return count;
}

/** Members in a value at all levels; NaN when it is nested too deeply. */
function membersHeld(value: JsonValue, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth > MAX_JSON_DEPTH) return Number.NaN;
  let count = 0;
  if (Array.isArray(value)) {
    for (const element of value) count += membersHeld(element, depth + 1);
    return count;
  }
  for (const member of Object.values(value)) count += 1 + membersHeld(member, depth + 1);
  return count;
}

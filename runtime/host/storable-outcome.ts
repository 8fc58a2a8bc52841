import type { JsonValue } from '../base/span';
import { MAX_JSON_DEPTH } from '../json/canonical-json';
import type { SandboxOutcome } from '../sandbox';

/**
 * What a run left, in a form that the ledger can hold: PostgreSQL has no U+0000, and no hash covers a lone
 * surrogate. A result with one of them, or nested too deep, is refused, since it would not come back as it was; in messages and on the
 * console, which are only for reading, they become U+FFFD.
 */
export function storableOutcome(outcome: SandboxOutcome): SandboxOutcome {
  const logs = outcome.logs.map((line) => ({ ...line, text: readable(line.text) }));
  if (!outcome.ok) return { ...outcome, logs, error: readableStrings(outcome.error) };
  const message = faultOf(outcome.output, 1);
  if (message === undefined) return { ...outcome, logs };
  const { cpuMs, calls } = outcome;
  return { ok: false, error: { code: 'bad_result', name: 'ResultError', message }, logs, cpuMs, calls };
}

/** The result is a member of its span, which is the first level. */
const MAX_RESULT_DEPTH = MAX_JSON_DEPTH - 1;

/** Why the ledger cannot keep a result; undefined when it can. */
function faultOf(value: JsonValue, depth: number): string | undefined {
  if (typeof value === 'string') return isStorableText(value) ? undefined : BAD_TEXT;
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > MAX_RESULT_DEPTH)
    return `the result nests deeper than ${MAX_RESULT_DEPTH} levels, which the ledger cannot keep`;
  for (const [name, member] of Object.entries(value)) {
    const fault = isStorableText(name) ? faultOf(member, depth + 1) : BAD_TEXT;
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const BAD_TEXT = 'the result holds U+0000 or a lone surrogate, which the ledger cannot keep';

function isStorableText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function readable(text: string): string {
  return isStorableText(text) ? text : text.toWellFormed().replaceAll('\0', '�');
}

function readableStrings<T extends object>(record: T): T {
  const entries = Object.entries(record).map(([name, value]) => [
    name,
    typeof value === 'string' ? readable(value) : value,
  ]);
  return Object.fromEntries(entries) as T;
}

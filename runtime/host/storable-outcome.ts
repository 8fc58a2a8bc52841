import type { JsonValue } from '../base/span';
import type { SandboxOutcome } from '../sandbox';

/**
 * What a run left, in a form that the ledger can hold: PostgreSQL has no U+0000, and no hash covers a lone
 * surrogate. A result with one of them is refused, since it would not come back as it was; in messages and on the
 * console, which are only for reading, they become U+FFFD.
 */
export function storableOutcome(outcome: SandboxOutcome): SandboxOutcome {
  const logs = outcome.logs.map((line) => ({ ...line, text: readable(line.text) }));
  if (!outcome.ok) return { ...outcome, logs, error: readableStrings(outcome.error) };
  if (isStorable(outcome.output)) return { ...outcome, logs };
  const { cpuMs, calls } = outcome;
  const message = 'the result holds U+0000 or a lone surrogate, which the ledger cannot keep';
  return { ok: false, error: { code: 'bad_result', name: 'ResultError', message }, logs, cpuMs, calls };
}

function isStorable(value: JsonValue): boolean {
  if (typeof value === 'string') return isStorableText(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isStorable);
  return Object.entries(value).every(([name, member]) => isStorableText(name) && isStorable(member));
}

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

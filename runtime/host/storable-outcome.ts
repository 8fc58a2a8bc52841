import { storableText, storageFault } from '../json/storable';
import type { SandboxOutcome } from '../sandbox';

/**
 * A run's outcome in a form that the ledger can store (`json/storable.ts`). A result that cannot be stored exactly is
 * refused; error messages and console output, which are for human readers, are repaired.
 */
export function storableOutcome(outcome: SandboxOutcome): SandboxOutcome {
  const logs = outcome.logs.map((line) => ({ ...line, text: storableText(line.text) }));
  if (!outcome.ok) return { ...outcome, logs, error: readableStrings(outcome.error) };
  const fault = storageFault(outcome.output, RESULT_DEPTH);
  if (fault === undefined) return { ...outcome, logs };
  const where = fault.pointer.length <= MAX_POINTER_LENGTH ? ` at '${fault.pointer}'` : '';
  const message = `the ledger cannot keep the result: ${fault.detail}${where}`;
  const { cpuMs, calls } = outcome;
  return { ok: false, error: { code: 'bad_result', name: 'ResultError', message }, logs, cpuMs, calls };
}

/** Where something lies that is nested too deep tells nobody anything. */
const MAX_POINTER_LENGTH = 200;

/** The result is a member of its span, which is the first level. */
const RESULT_DEPTH = 2;

function readableStrings<T extends object>(record: T): T {
  const entries = Object.entries(record).map(([name, value]) => [
    name,
    typeof value === 'string' ? storableText(value) : value,
  ]);
  return Object.fromEntries(entries) as T;
}

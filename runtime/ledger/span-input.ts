import { type Fault, TooLargeError } from '../base/errors';
import type { JsonValue } from '../base/span';
import { describeFault, MAX_FAULTS, malformed } from '../json/parse-with';
import { MAX_SPAN_BYTES } from '../json/span-bytes';
import { bytesFault, storageFault, valuesFault } from '../json/storable';
import { draftFaults, type SpanDraft } from './span-draft';
import { validateSpanInput } from './validators.generated';

/**
 * Drafts that code gave (functions, kernels, seeds), each checked by schema, by what a schema cannot say, and for what
 * the ledger can keep: nobody read them from a text, where `parseIJson` would have told.
 * @param isList whether the pointers start with the index of the span
 * @throws MalformedError listing the faults of all drafts; TooLargeError.
 */
export function parseDrafts(values: readonly unknown[], isList: boolean): SpanDraft[] {
  const faults: Fault[] = [];
  const drafts: SpanDraft[] = [];
  values.forEach((value, index) => {
    if (faults.length >= MAX_FAULTS) return;
    const pointer = isList ? `/${index}` : '';
    const unkept = storageFault(value) ?? valuesFault(value as JsonValue);
    if (unkept !== undefined) {
      faults.push({ ...unkept, pointer: `${pointer}${unkept.pointer}` });
      return;
    }
    const large = bytesFault(value as JsonValue);
    if (large !== undefined) throw tooLarge([{ ...large, pointer }]);
    const checked = checkDraft(value, pointer);
    if (checked.draft !== undefined) drafts.push(checked.draft);
    faults.push(...checked.faults);
  });
  if (faults.length > 0) throw malformed(isList ? 'A span of the request' : 'The span', faults);
  return drafts;
}

/** Spans that are longer than a span may be. */
export function tooLarge(faults: readonly Fault[]): TooLargeError {
  return new TooLargeError(
    `A span is at most ${MAX_SPAN_BYTES} bytes long; put large content elsewhere and its hash here.`,
    { faults },
  );
}

/**
 * One draft with everything that is wrong with it; no draft when the value is no object.
 * @param pointer JSON pointer of the draft within the request.
 */
export function checkDraft(
  value: unknown,
  pointer: string,
): { readonly draft: SpanDraft | undefined; readonly faults: readonly Fault[] } {
  const bySchema = validateSpanInput(value) ? [] : (validateSpanInput.errors ?? []).slice(0, MAX_FAULTS);
  const faults = bySchema.map((fault) => describeFault(fault, pointer));
  if (!isObject(value)) return { draft: undefined, faults };
  const draft = value as SpanDraft;
  const known = new Set(faults.map((fault) => fault.pointer));
  // What is wrong by schema already is not said twice; the rest is said at once.
  faults.push(...draftFaults(draft, pointer).filter((fault) => !known.has(fault.pointer)));
  return { draft, faults };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

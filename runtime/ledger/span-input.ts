import type { Fault } from '../base/errors';
import { describeFault, MAX_FAULTS, malformed } from '../json/parse-with';
import { draftFaults, type SpanDraft } from './span-draft';
import { validateSpanInput } from './validators.generated';

/**
 * The drafts of a request, each checked by schema and by what a schema cannot say.
 * @param isList whether the pointers start with the index of the span
 * @throws MalformedError listing the faults of all drafts.
 */
export function parseDrafts(values: readonly unknown[], isList: boolean): SpanDraft[] {
  const faults: Fault[] = [];
  const drafts: SpanDraft[] = [];
  values.forEach((value, index) => {
    if (faults.length >= MAX_FAULTS) return;
    const checked = checkDraft(value, isList ? `/${index}` : '');
    if (checked.draft !== undefined) drafts.push(checked.draft);
    faults.push(...checked.faults);
  });
  if (faults.length > 0) throw malformed(isList ? 'A span of the request' : 'The span', faults);
  return drafts;
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

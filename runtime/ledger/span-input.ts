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
    const pointer = isList ? `/${index}` : '';
    const bySchema = validateSpanInput(value) ? [] : (validateSpanInput.errors ?? []);
    const found = bySchema.map((fault) => describeFault(fault, pointer));
    if (isObject(value)) {
      const draft = value as SpanDraft;
      const known = new Set(found.map((fault) => fault.pointer));
      // What is wrong by schema already is not said twice; the rest is said at once.
      found.push(...draftFaults(draft, pointer).filter((fault) => !known.has(fault.pointer)));
      drafts.push(draft);
    }
    faults.push(...found);
  });
  if (faults.length > 0) throw malformed(isList ? 'A span of the request' : 'The span', faults);
  return drafts;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { type Fault, TooLargeError } from '../base/errors';
import { type JsonValue, SPAN_COLUMNS } from '../base/span';
import { describeFault, MAX_FAULTS, malformed } from '../json/parse-with';
import { MAX_SPAN_BYTES } from '../json/span-bytes';
import { bytesFault, storageFault, valuesFault } from '../json/storable';
import { draftFaults, type SpanDraft } from './span-draft';
import { validateSpanInput } from './validators.generated';

/**
 * Checks drafts that come from code (functions, kernels, seeds) against the schema, {@link draftFaults} and what the
 * ledger can store; drafts read from text have `parseIJson` for the latter.
 * @param isList whether JSON pointers begin with the index of the span
 * @throws MalformedError listing the faults of all drafts; TooLargeError
 */
export function parseDrafts(values: readonly unknown[], isList: boolean): SpanDraft[] {
  const faults: Fault[] = [];
  const drafts: SpanDraft[] = [];
  values.forEach((value, index) => {
    if (faults.length >= MAX_FAULTS) return;
    const pointer = isList ? `/${index}` : '';
    const unstorable = storageFault(value) ?? valuesFault(value as JsonValue);
    if (unstorable !== undefined) {
      faults.push({ ...unstorable, pointer: `${pointer}${unstorable.pointer}` });
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

/** The error for spans longer than {@link MAX_SPAN_BYTES}. */
export function tooLarge(faults: readonly Fault[]): TooLargeError {
  return new TooLargeError(
    `A span is at most ${MAX_SPAN_BYTES} bytes long; put large content elsewhere and its hash here.`,
    { faults },
  );
}

/**
 * Checks one draft against the schema and {@link draftFaults}.
 * @param pointer JSON pointer of the draft within the request
 * @returns the draft, undefined when the value is no object, and all faults found
 */
export function checkDraft(
  value: unknown,
  pointer: string,
): { readonly draft: SpanDraft | undefined; readonly faults: readonly Fault[] } {
  const checked = withFewMembers(value);
  const bySchema = validateSpanInput(checked) ? [] : (validateSpanInput.errors ?? []).slice(0, MAX_FAULTS);
  const faults = bySchema.map((fault) => describeFault(fault, pointer));
  if (!isObject(value)) return { draft: undefined, faults };
  const draft = value as SpanDraft;
  const known = new Set(faults.map((fault) => fault.pointer));
  // A member that the schema refuses is not reported twice.
  faults.push(...draftFaults(draft, pointer).filter((fault) => !known.has(fault.pointer)));
  return { draft, faults };
}

/** More members than a span has and faults are listed. */
const MAX_CHECKED_MEMBERS = 200;
const KNOWN_MEMBERS: ReadonlySet<string> = new Set(SPAN_COLUMNS);

/**
 * The value, or those members that a span has and the first others when there are far more: to make an error for each of
 * 50,000 would block the event loop.
 */
function withFewMembers(value: unknown): unknown {
  if (!isObject(value) || Object.keys(value).length <= MAX_CHECKED_MEMBERS) return value;
  const members = Object.entries(value);
  return Object.fromEntries(
    members.filter(([name], index) => index < MAX_CHECKED_MEMBERS || KNOWN_MEMBERS.has(name)),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

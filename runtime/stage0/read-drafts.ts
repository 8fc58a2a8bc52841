import { type Fault, MalformedError } from '../base/errors';
import { TURN_BYTES } from '../base/fair-turns';
import type { Identity } from '../base/identity';
import type { JsonValue } from '../base/span';
import { parseIJson, parseIJsonInSlices } from '../json/i-json';
import { MAX_FAULTS, malformed } from '../json/parse-with';
import { MAX_EXPONENT, MAX_SPAN_BYTES } from '../json/span-bytes';
import { bytesFault } from '../json/storable';
import type { SpanDraft } from '../ledger/span-draft';
import { checkDraft, tooLarge } from '../ledger/span-input';
import type { AppendShare } from './append-share';
import { draftOfEvent } from './cloud-event';
import { memoryOf } from './fairness';
import { readSpanTexts } from './request-body';
import { hasManyValues, isLarge } from './span-texts';

/** The caller, share and turns under which a body is processed. */
export interface BodyWork {
  readonly identity: Identity;
  readonly share: AppendShare;
  /** A turn for this many bytes; undefined when the work may start at once. */
  readonly turn: (bytes: number) => Promise<void> | undefined;
  /** Whether the spans come from a ledger, and so may exceed today's limits of a span. Defaults to false. */
  readonly isStored?: boolean;
}

/** The drafts of a request. */
export interface Drafts {
  readonly drafts: readonly SpanDraft[];
  /** An array or NDJSON, even of one span: the answer then is a list, too. */
  readonly isList: boolean;
  /** Whether a draft holds so many values that it is worked on in slices. */
  readonly hasManyValues: boolean;
}

/**
 * Reads, parses and checks the spans of a request, one by one, each in its tenant's turn.
 * @throws MalformedError listing the faults of all spans; TooLargeError, UnsupportedMediaTypeError.
 */
export async function readDrafts(
  request: Request,
  { identity, share, turn, isStored = false }: BodyWork,
): Promise<Drafts> {
  const { texts, isList, kind } = await readSpanTexts(request, share, isStored);
  await share.admit(memoryOf(texts));
  const drafts: SpanDraft[] = [];
  const faults: Fault[] = [];
  const large: Fault[] = [];
  for (const [index, text] of texts.entries()) {
    const { bytes, exponents } = text;
    const pause = turn(bytes.length);
    if (pause !== undefined) await pause;
    if (faults.length >= MAX_FAULTS) break;
    const pointer = isList ? `/${index}` : '';
    let value: JsonValue;
    try {
      // An await for each of a thousand small spans would cost more than it saves.
      value = isLarge(text) ? await parseIJsonInSlices(bytes, () => turn(TURN_BYTES)) : parseIJson(bytes);
    } catch (error) {
      faults.push(...faultsOf(error, pointer, isList));
      continue;
    }
    // Only numbers with exponents can be longer when stored; the exact check is costly.
    if (!isStored && bytes.length + exponents * MAX_EXPONENT > MAX_SPAN_BYTES) {
      const fault = bytesFault(value);
      if (fault !== undefined) large.push({ ...fault, pointer });
    }
    const checked = kind === 'event' ? draftOfEvent(value, identity, pointer) : checkDraft(value, pointer);
    if (checked.draft !== undefined) drafts.push(checked.draft);
    faults.push(...checked.faults);
  }
  if (large.length > 0) throw tooLarge(large);
  if (faults.length > 0) throw malformed(isList ? 'A span of the request' : 'The span', faults);
  return { drafts, isList, hasManyValues: texts.some(hasManyValues) };
}

/** The faults of a text that is not storable JSON. @throws the error itself when the body is no list */
function faultsOf(error: unknown, pointer: string, isList: boolean): Fault[] {
  if (!(error instanceof MalformedError) || !isList) throw error;
  return error.faults.map((fault) => ({ ...fault, pointer: `${pointer}${fault.pointer}` }));
}

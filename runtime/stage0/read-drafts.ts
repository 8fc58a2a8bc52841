import { type Fault, MalformedError, TooLargeError } from '../base/errors';
import type { Reservation } from '../base/fair-shares';
import type { Identity } from '../base/identity';
import type { JsonValue } from '../base/span';
import { parseIJson } from '../json/i-json';
import { MAX_FAULTS, malformed } from '../json/parse-with';
import type { SpanDraft } from '../ledger/span-draft';
import { checkDraft } from '../ledger/span-input';
import { draftOfEvent } from './cloud-event';
import { MAX_SPAN_BYTES, readSpanTexts } from './request-body';

/** How much longer a text can become when it is written again: `1e20` is stored as its 21 digits. */
const MAX_GROWTH = 6;

/** Whose body it is, what it may take up, and when it may be worked on. */
export interface BodyWork {
  readonly identity: Identity;
  readonly reservation: Reservation;
  /** Undefined when so many bytes may be worked on at once. */
  readonly turn: (bytes: number) => Promise<void> | undefined;
  /** Spans that a ledger took once: they may pass the limits that a span has today. Defaults to false. */
  readonly isStored?: boolean;
}

/** The drafts of a request. */
export interface Drafts {
  readonly drafts: readonly SpanDraft[];
  /** An array or NDJSON, even of one span: the answer then is a list, too. */
  readonly isList: boolean;
}

/**
 * Reads, parses and checks the spans of a request, one by one, each in its tenant's turn.
 * @throws MalformedError listing the faults of all spans; TooLargeError, UnsupportedMediaTypeError.
 */
export async function readDrafts(
  request: Request,
  { identity, reservation, turn, isStored = false }: BodyWork,
): Promise<Drafts> {
  const { texts, isList, kind } = await readSpanTexts(request, reservation, isStored);
  const drafts: SpanDraft[] = [];
  const faults: Fault[] = [];
  const large: Fault[] = [];
  for (const [index, { bytes }] of texts.entries()) {
    const pause = turn(bytes.length);
    if (pause !== undefined) await pause;
    if (faults.length >= MAX_FAULTS) break;
    const pointer = isList ? `/${index}` : '';
    const value = parsed(bytes, pointer, faults, isList);
    if (value === undefined) continue;
    if (!isStored && bytes.length > MAX_SPAN_BYTES / MAX_GROWTH) large.push(...sizeFaults(value, pointer));
    const checked = kind === 'event' ? draftOfEvent(value, identity, pointer) : checkDraft(value, pointer);
    if (checked.draft !== undefined) drafts.push(checked.draft);
    faults.push(...checked.faults);
  }
  if (large.length > 0) {
    throw new TooLargeError(
      `A span is at most ${MAX_SPAN_BYTES} bytes long; put large content elsewhere and its hash here.`,
      { faults: large },
    );
  }
  if (faults.length > 0) throw malformed(isList ? 'A span of the request' : 'The span', faults);
  return { drafts, isList };
}

/** The value of a text; undefined, with its faults among the others, when a text of a list is not storable JSON. */
function parsed(bytes: Uint8Array, pointer: string, faults: Fault[], isList: boolean): JsonValue | undefined {
  try {
    return parseIJson(bytes);
  } catch (error) {
    if (!(error instanceof MalformedError) || !isList) throw error;
    faults.push(...error.faults.map((fault) => ({ ...fault, pointer: `${pointer}${fault.pointer}` })));
    return undefined;
  }
}

function sizeFaults(value: JsonValue, pointer: string): Fault[] {
  const bytes = Buffer.byteLength(JSON.stringify(value));
  return bytes <= MAX_SPAN_BYTES ? [] : [{ pointer, detail: `is ${bytes} bytes long` }];
}

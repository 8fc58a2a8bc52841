import { type Fault, UnsupportedMediaTypeError } from '../base/errors';
import type { Identity } from '../base/identity';
import type { JsonObject, JsonValue } from '../base/span';
import { isObject } from '../json/json-object';
import { pointerWithin } from '../json/json-pointer';
import { describeFault, MAX_FAULTS } from '../json/parse-with';
import { normalizeTimestamp } from '../json/timestamp';
import type { SpanDraft } from '../ledger/span-draft';
import { eventSpanId } from '../ledger/stable-id';
import { traceIdIn } from './trace-id';
import { validateCloudEvent } from './validators.generated';

/** The attributes of an event that become members of the span; all others go into its `input`. */
const PLACED = new Set(['specversion', 'type', 'source', 'subject', 'time', 'data']);

/** CloudEvents 1.0 section 3.1, "Naming Conventions". */
const ATTRIBUTE_NAME = /^[a-z0-9]+$/;

/** What the schema has checked. An attribute that is null is not set (CloudEvents JSON format, section 2.2). */
interface CloudEvent {
  readonly [attribute: string]: JsonValue | undefined;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time?: string | null;
  readonly data?: JsonValue;
  readonly traceparent?: string | null;
}

/**
 * The span for a CloudEvents 1.0 event in JSON, with all faults of the event. Its id is derived from the writer, `source`
 * and `id`, so that a redelivered event is appended once. Nothing of an event is lost: attributes without a member of
 * their own are in `input`, including `id`, and `time` if it is more precise than milliseconds.
 * @param pointer JSON pointer of the event within the request.
 * @throws UnsupportedMediaTypeError for `data_base64`.
 */
export function draftOfEvent(
  value: JsonValue,
  identity: Identity,
  pointer: string,
): { readonly draft: SpanDraft | undefined; readonly faults: readonly Fault[] } {
  if (isObject(value)) refuseBinaryData(value, pointer);
  const bySchema = validateCloudEvent(value) ? [] : (validateCloudEvent.errors ?? []).slice(0, MAX_FAULTS);
  const faults = bySchema.map((fault) => describeFault(fault, pointer));
  if (!isObject(value)) return { draft: undefined, faults };
  for (const name of Object.keys(value)) {
    if (faults.length >= MAX_FAULTS) break;
    if (!ATTRIBUTE_NAME.test(name))
      faults.push(attributeFault(pointer, name, 'is no attribute name: lower-case letters and digits only'));
  }
  const at = typeof value.time === 'string' ? millisecondsOf(value.time) : undefined;
  if (typeof value.time === 'string' && at === undefined)
    faults.push(attributeFault(pointer, 'time', 'must be an RFC 3339 timestamp'));
  if (faults.length > 0) return { draft: undefined, faults };
  return { draft: spanOf(value as CloudEvent, identity, at), faults };
}

function spanOf(event: CloudEvent, identity: Identity, at: string | undefined): SpanDraft {
  const traceId = traceIdIn(event.traceparent ?? '');
  return {
    id: eventSpanId(identity, event.source, event.id),
    entity_type: event.type,
    who: event.source,
    this: event.subject,
    ...(at === undefined ? {} : { at }),
    ...(event.data == null ? {} : { metadata: event.data }),
    ...(traceId === undefined ? {} : { trace_id: traceId }),
    input: attributesWithoutPlace(event),
  };
}

function attributesWithoutPlace(event: CloudEvent): JsonObject {
  const rest: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(event)) {
    if (!PLACED.has(name) && value != null) rest[name] = value;
  }
  const { time } = event;
  const isTimeCut = typeof time === 'string' && normalizeTimestamp(time) === undefined;
  return isTimeCut ? { ...rest, time } : rest;
}

/** Many senders write micro- or nanoseconds, of which a span's `at` keeps the first three digits. */
function millisecondsOf(time: string): string | undefined {
  return normalizeTimestamp(time.replace(/(\.\d{3})\d+/, '$1'));
}

function refuseBinaryData(event: JsonObject, pointer: string): void {
  if (event.data_base64 == null) return;
  throw new UnsupportedMediaTypeError(
    'Binary data has no place in a span: put it elsewhere and its hash into data, as JSON.',
    { faults: [attributeFault(pointer, 'data_base64', 'is not taken; send JSON in data')] },
  );
}

function attributeFault(pointer: string, name: string, detail: string): Fault {
  return { pointer: pointerWithin(pointer, [name]), detail };
}

import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { LogLineError, MalformedError, TooLargeError, UnsupportedMediaTypeError } from '../base/errors';
import type { Reservation } from '../base/fair-shares';
import type { Pause } from '../base/slices';
import type { JsonValue } from '../base/span';
import { parseIJson, parseIJsonInSlices } from '../json/i-json';
import { MAX_SPAN_VALUES } from '../json/storable';
import type { AppendShare } from './append-share';
import { isLarge, type SpanTexts, spanText, spanTextsOfJson, spanTextsOfLines } from './span-texts';

/** Largest request. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** Most spans of one request. */
export const MAX_SPANS = 1_000;
/** Most JSON values of one request. */
export const MAX_REQUEST_VALUES = 100_000;

/** Bytes reserved for a body without Content-Length; once it is longer, the largest request is reserved. */
const UNANNOUNCED_BYTES = 64 * 1024;

/** What the parts of a body are: spans, or CloudEvents that become spans. */
export type BodyKind = 'span' | 'event';

const EVENT = 'application/cloudevents+json';
const EVENT_BATCH = 'application/cloudevents-batch+json';

/** Media type of a body → what it holds. */
const BODY_KINDS: ReadonlyMap<string, BodyKind> = new Map([
  ['application/json', 'span'],
  ['application/x-ndjson', 'span'],
  [EVENT, 'event'],
  [EVENT_BATCH, 'event'],
]);

/** The attributes that every event has, as the headers of binary mode (CloudEvents HTTP binding section 3.1). */
const BINARY_MODE_HEADERS = ['ce-specversion', 'ce-id', 'ce-source', 'ce-type'];

/**
 * Reads the body of a request and splits it into the texts of its spans: one JSON object, a JSON array, or NDJSON. The
 * texts are not parsed, only measured.
 * @param share from which it takes the body's bytes and, once they have arrived, a slot
 * @param isStored the spans come from a ledger, which may have taken more values than a request holds today
 * @throws MalformedError, TooLargeError or UnsupportedMediaTypeError.
 */
export async function readSpanTexts(
  request: Request,
  share: AppendShare,
  isStored = false,
): Promise<SpanTexts & { readonly kind: BodyKind }> {
  const mediaType = mediaTypeOf(request);
  const kind = BODY_KINDS.get(mediaType);
  if (kind !== 'event' && BINARY_MODE_HEADERS.some((name) => request.headers.has(name))) {
    throw new UnsupportedMediaTypeError(
      `CloudEvents are taken in structured mode only, because the ledger keeps an event as a whole; send it as ${EVENT}, without ce- headers.`,
    );
  }
  if (kind === undefined) {
    throw new UnsupportedMediaTypeError(`Send spans as one of ${[...BODY_KINDS.keys()].join(', ')}.`);
  }
  const bytes = await readBytes(request, share.body);
  if (bytes.length === 0) throw new MalformedError('The body is empty; send a span as JSON.');
  await share.begin();
  const body: SpanTexts =
    mediaType === 'application/x-ndjson'
      ? { texts: spanTextsOfLines(bytes, refuseMany), isList: true }
      : spanTextsOfJson(bytes, refuseMany);
  if (mediaType === EVENT && body.isList) throw new MalformedError(`Send many events as ${EVENT_BATCH}.`);
  if (mediaType === EVENT_BATCH && !body.isList) throw new MalformedError(`Send one event as ${EVENT}.`);
  if (body.texts.length === 0) throw new MalformedError('The body holds no span.');
  if (!isStored) refuseManyValues(body);
  return { ...body, kind };
}

/**
 * Reads the optional JSON object of a request; undefined when there is no body.
 * @param pause between slices of a large body
 * @throws MalformedError, TooLargeError or UnsupportedMediaTypeError.
 */
export async function readJsonBody(
  request: Request,
  reservation: Reservation,
  pause: Pause,
): Promise<JsonValue | undefined> {
  const bytes = await readBytes(request, reservation);
  if (bytes.length === 0) return undefined;
  if (mediaTypeOf(request) !== 'application/json')
    throw new UnsupportedMediaTypeError('Send the body as application/json.');
  const text = spanText(bytes);
  if (text.values > MAX_REQUEST_VALUES) throw tooManyValues('', 'The body', MAX_REQUEST_VALUES);
  return isLarge(text) ? parseIJsonInSlices(bytes, pause) : parseIJson(bytes);
}

function mediaTypeOf(request: Request): string {
  return (request.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/**
 * Whether the body comes gzipped.
 * @throws UnsupportedMediaTypeError for any other coding.
 */
function isGzipped(request: Request): boolean {
  const coding = (request.headers.get('content-encoding') ?? 'identity').trim().toLowerCase();
  if (coding === 'gzip' || coding === 'x-gzip') return true;
  if (coding === 'identity' || coding === '') return false;
  throw new UnsupportedMediaTypeError('Send the body as it is or with Content-Encoding: gzip, once.', {
    // RFC 9110 section 15.5.16.
    headers: { 'accept-encoding': 'gzip' },
  });
}

async function readBytes(request: Request, reservation: Reservation): Promise<Uint8Array> {
  const gzipped = isGzipped(request);
  const bytes = await readSentBytes(request, reservation);
  if (!gzipped || bytes.length === 0) return bytes;
  await reservation.atLeast(MAX_REQUEST_BYTES);
  return inflate(bytes);
}

const gunzipAsync = promisify(gunzip);

/** Decompresses up to the largest request and then stops, so that a small body of a large one costs no more. */
async function inflate(bytes: Uint8Array): Promise<Uint8Array> {
  try {
    return await gunzipAsync(bytes, { maxOutputLength: MAX_REQUEST_BYTES });
  } catch (error) {
    if (error instanceof RangeError) throw requestTooLarge();
    throw new MalformedError('The body is not what its Content-Encoding says: gzip.', { cause: error });
  }
}

async function readSentBytes(request: Request, reservation: Reservation): Promise<Uint8Array> {
  const header = request.headers.get('content-length');
  const announced = header === null ? UNANNOUNCED_BYTES : Number(header);
  if (announced > MAX_REQUEST_BYTES) throw requestTooLarge();
  await reservation.atLeast(Number.isSafeInteger(announced) ? announced : MAX_REQUEST_BYTES);
  try {
    // A length that was announced bounds what the server reads, and reading at once is far cheaper: the local
    // server then makes no web stream of the request, which takes a quarter of the time of a small one.
    const bytes =
      header === null ? await readChunks(request, reservation) : new Uint8Array(await request.arrayBuffer());
    if (bytes.length > MAX_REQUEST_BYTES) throw requestTooLarge();
    return bytes;
  } catch (error) {
    if (error instanceof LogLineError) throw error;
    throw new MalformedError('The body ended early.', { cause: error });
  }
}

/** Reads a body of unknown length, up to the limit. */
async function readChunks(request: Request, reservation: Reservation): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array();
  // Copied as they come: a small chunk kept by itself would hold the 64 KiB that it was read with.
  let bytes = new Uint8Array(UNANNOUNCED_BYTES);
  let length = 0;
  for await (const chunk of request.body) {
    const end = length + chunk.length;
    if (end > MAX_REQUEST_BYTES) throw requestTooLarge();
    if (end > bytes.length) {
      await reservation.atLeast(MAX_REQUEST_BYTES);
      const larger = new Uint8Array(MAX_REQUEST_BYTES);
      larger.set(bytes.subarray(0, length));
      bytes = larger;
    }
    bytes.set(chunk, length);
    length = end;
  }
  return bytes.subarray(0, length);
}

function requestTooLarge(): TooLargeError {
  return new TooLargeError(
    `The request is larger than ${MAX_REQUEST_BYTES} bytes; send fewer spans at once.`,
  );
}

function refuseMany(count: number): void {
  if (count > MAX_SPANS) {
    throw new MalformedError(`A request holds at most ${MAX_SPANS} spans; split it.`, {
      faults: [{ pointer: '', detail: `holds more than ${MAX_SPANS} spans` }],
    });
  }
}

function refuseManyValues({ texts, isList }: SpanTexts): void {
  let sum = 0;
  for (const [index, { values }] of texts.entries()) {
    sum += values;
    if (values > MAX_SPAN_VALUES) throw tooManyValues(isList ? `/${index}` : '', 'A span', MAX_SPAN_VALUES);
  }
  if (sum > MAX_REQUEST_VALUES) throw tooManyValues('', 'A request', MAX_REQUEST_VALUES);
}

function tooManyValues(pointer: string, what: string, most: number): MalformedError {
  const detail = `holds more than ${most} JSON values`;
  return new MalformedError(
    `${what} holds at most ${most} JSON values; put many small values into one text, or elsewhere with their hash here.`,
    { faults: [{ pointer, detail }] },
  );
}

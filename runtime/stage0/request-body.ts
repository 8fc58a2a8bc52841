import { MalformedError, TooLargeError, UnsupportedMediaTypeError } from '../base/errors';
import type { JsonValue } from '../base/span';
import { parseIJson } from '../json/i-json';

/** Largest request (DESIGN.md section 5). */
export const MAX_REQUEST_BYTES = 5 * 1024 * 1024;
/** Largest span, measured as its JSON without white space. */
export const MAX_SPAN_BYTES = 1024 * 1024;
/** Most spans of one request. */
export const MAX_SPANS = 1_000;

/** The values of a request body. */
export interface SpanBody {
  readonly values: readonly JsonValue[];
  /** An array or NDJSON, even of one span: the answer then is a list, too. */
  readonly isList: boolean;
}

/**
 * Reads the spans of a request: one JSON object, a JSON array, or NDJSON.
 * @throws MalformedError, TooLargeError or UnsupportedMediaTypeError.
 */
export async function readSpanBody(request: Request): Promise<SpanBody> {
  const mediaType = mediaTypeOf(request);
  if (mediaType !== 'application/json' && mediaType !== 'application/x-ndjson') {
    throw new UnsupportedMediaTypeError('Send spans as application/json or application/x-ndjson.');
  }
  const bytes = await readBytes(request);
  if (bytes.length === 0) throw new MalformedError('The body is empty; send a span as JSON.');
  const body =
    mediaType === 'application/json' ? spansOfJson(bytes) : { values: spansOfLines(bytes), isList: true };
  if (body.values.length === 0) throw new MalformedError('The body holds no span.');
  refuseLargeSpans(body, bytes.length);
  return body;
}

/**
 * Reads the optional JSON object of a request; undefined when there is no body.
 * @throws MalformedError, TooLargeError or UnsupportedMediaTypeError.
 */
export async function readJsonBody(request: Request): Promise<JsonValue | undefined> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return undefined;
  if (mediaTypeOf(request) !== 'application/json')
    throw new UnsupportedMediaTypeError('Send the body as application/json.');
  return parseIJson(bytes);
}

function mediaTypeOf(request: Request): string {
  return (request.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

async function readBytes(request: Request): Promise<Uint8Array> {
  const header = request.headers.get('content-length');
  if (Number(header ?? 0) > MAX_REQUEST_BYTES) throw requestTooLarge();
  try {
    // A length that was announced bounds what the server reads, and reading at once is far cheaper: the local
    // server then makes no web stream of the request, which takes a quarter of the time of a small one.
    const bytes = header === null ? await readChunks(request) : new Uint8Array(await request.arrayBuffer());
    if (bytes.length > MAX_REQUEST_BYTES) throw requestTooLarge();
    return bytes;
  } catch (error) {
    if (error instanceof TooLargeError) throw error;
    throw new MalformedError('The body ended early.', { cause: error });
  }
}

/** A body of unknown length, no further than it may go. */
async function readChunks(request: Request): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body) {
    length += chunk.length;
    if (length > MAX_REQUEST_BYTES) throw requestTooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function requestTooLarge(): TooLargeError {
  return new TooLargeError(
    `The request is larger than ${MAX_REQUEST_BYTES} bytes; send fewer spans at once.`,
  );
}

function spansOfJson(bytes: Uint8Array): SpanBody {
  const value = parseIJson(bytes);
  if (!Array.isArray(value)) return { values: [value], isList: false };
  refuseMany(value.length);
  return { values: value, isList: true };
}

function spansOfLines(bytes: Uint8Array): JsonValue[] {
  const values: JsonValue[] = [];
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline === -1 ? bytes.length : newline;
    const line = bytes.subarray(start, end);
    start = end + 1;
    if (line.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09)) continue;
    values.push(parseLine(line, values.length));
    refuseMany(values.length);
  }
  return values;
}

function parseLine(line: Uint8Array, index: number): JsonValue {
  try {
    return parseIJson(line);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    const faults = error.faults.map(({ pointer, detail }) => ({ pointer: `/${index}${pointer}`, detail }));
    throw new MalformedError(`Span ${index} of the request: ${error.message}`, { faults });
  }
}

function refuseMany(count: number): void {
  if (count > MAX_SPANS) {
    throw new MalformedError(`A request holds at most ${MAX_SPANS} spans; split it.`, {
      faults: [{ pointer: '', detail: `holds more than ${MAX_SPANS} spans` }],
    });
  }
}

function refuseLargeSpans({ values, isList }: SpanBody, bodyBytes: number): void {
  if (bodyBytes <= MAX_SPAN_BYTES) return;
  const faults = values.flatMap((value, index) => {
    const bytes = Buffer.byteLength(JSON.stringify(value));
    if (bytes <= MAX_SPAN_BYTES) return [];
    return [{ pointer: isList ? `/${index}` : '', detail: `is ${bytes} bytes long` }];
  });
  if (faults.length > 0) {
    throw new TooLargeError(
      `A span is at most ${MAX_SPAN_BYTES} bytes long; put large content elsewhere and its hash here.`,
      { faults },
    );
  }
}

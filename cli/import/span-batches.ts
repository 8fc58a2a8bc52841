import type { SignedSpan } from '../../runtime/base/span';
import type { ImportLine } from './log-order';

/** Spans of one import request. */
export interface SpanBatch {
  readonly tenant: string;
  readonly count: number;
  /** The request's body, one span a line. */
  readonly ndjson: string;
}

/** Spans in a request: the API allows 1,000; 500 take some 200 ms. */
const MAX_SPANS = 500;
const MAX_BYTES = 2 * 1024 * 1024;

/**
 * Splits verified spans, in order, into requests of one tenant each.
 * @param isWanted selects spans
 */
export async function* spanBatchesOf(
  spans: AsyncIterable<ImportLine>,
  isWanted: (span: SignedSpan) => boolean,
): AsyncGenerator<SpanBatch> {
  let lines: string[] = [];
  let bytes = 0;
  let tenant = '';
  const batch = (): SpanBatch => ({ tenant, count: lines.length, ndjson: lines.join('') });
  for await (const found of spans) {
    if (!('span' in found)) continue;
    const span = found.span as SignedSpan;
    if (!isWanted(span)) continue;
    // JSON escapes can make a line six times as long as needed; a long one is serialised again.
    const isShort = found.text !== undefined && found.text.length <= MAX_BYTES;
    const line = `${isShort ? found.text : JSON.stringify(span)}\n`;
    const isFull = lines.length >= MAX_SPANS || bytes + line.length > MAX_BYTES || span.tenant_id !== tenant;
    if (isFull && lines.length > 0) {
      yield batch();
      lines = [];
      bytes = 0;
    }
    tenant = span.tenant_id;
    lines.push(line);
    bytes += Buffer.byteLength(line);
  }
  if (lines.length > 0) yield batch();
}

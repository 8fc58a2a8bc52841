import type { SignedSpan } from '../../runtime/base/span';
import type { ImportLine } from './log-order';

/** Spans of one import request. */
export interface SpanBatch {
  readonly count: number;
  /** The request's body, one span a line. */
  readonly ndjson: string;
  /** JSON body of the request that compares them afterwards. */
  readonly comparison: string;
}

/** Spans in a request: the API allows 1,000; 500 take some 100 ms. */
const MAX_SPANS = 500;
const MAX_BYTES = 2 * 1024 * 1024;

/**
 * Splits verified spans, in order, into requests of one tenant each.
 * @param isWanted selects spans
 */
export async function* spanBatchesOf(
  spans: AsyncIterable<ImportLine> | Iterable<ImportLine>,
  isWanted: (span: SignedSpan) => boolean,
): AsyncGenerator<SpanBatch> {
  let lines: string[] = [];
  let versions: string[] = [];
  let bytes = 0;
  let tenant = '';
  const batch = (): SpanBatch => ({
    count: lines.length,
    ndjson: lines.join(''),
    comparison: `{"tenant_id":${JSON.stringify(tenant)},"versions":[${versions.join(',')}]}`,
  });
  for await (const { span, text } of spans) {
    if (!isWanted(span)) continue;
    // JSON escapes can make a line six times as long as needed; a long one is serialised again.
    const line = `${text.length <= MAX_BYTES ? text : JSON.stringify(span)}\n`;
    const isFull = lines.length >= MAX_SPANS || bytes + line.length > MAX_BYTES || span.tenant_id !== tenant;
    if (isFull && lines.length > 0) {
      yield batch();
      lines = [];
      versions = [];
      bytes = 0;
    }
    tenant = span.tenant_id;
    lines.push(line);
    versions.push(versionText(span));
    bytes += Buffer.byteLength(line);
  }
  if (lines.length > 0) yield batch();
}

function versionText({ id, seq, owner_id, curr_hash }: SignedSpan): string {
  return JSON.stringify({ id, seq, owner_id, curr_hash });
}

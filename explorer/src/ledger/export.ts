import { csvHead, csvLine } from '../csv';
import type { Filter } from '../filter';
import type { Ledger } from './ledger';

export type ExportFormat = 'ndjson' | 'csv';

/** An exported file. */
export interface ExportedFile {
  readonly blob: Blob;
  readonly name: string;
  readonly spans: number;
  /** Whether it ends at {@link MAX_EXPORT_BYTES}, before the end of the listing. */
  readonly isCut: boolean;
}

const MAX_EXPORT_BYTES = 100 * 1024 * 1024;
const PAGE = 500;
/** Text is passed to the browser in blobs of this length, which it may keep on disk. */
const PIECE_LENGTH = 4 * 1024 * 1024;

const TYPES: Readonly<Record<ExportFormat, string>> = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv;charset=utf-8',
};

/**
 * Writes all spans of a filter into a file, page by page, newest first. NDJSON holds each span as served, one a line, which
 * `logline verify --file` accepts.
 * @param onProgress called after each page
 */
export async function exportSpans(
  ledger: Ledger,
  filter: Filter,
  format: ExportFormat,
  signal: AbortSignal,
  onProgress: (spans: number, bytes: number) => void,
): Promise<ExportedFile> {
  const encoder = new TextEncoder();
  const parts: Blob[] = [];
  let text = format === 'csv' ? csvHead() : '';
  let bytes = text.length;
  let spans = 0;
  let isCut = false;
  for await (const span of ledger.timeline(filter, signal, PAGE)) {
    const line = format === 'csv' ? csvLine(span) : `${JSON.stringify(span)}\n`;
    const length = encoder.encode(line).length;
    if (bytes + length > MAX_EXPORT_BYTES) {
      isCut = true;
      break;
    }
    text += line;
    bytes += length;
    spans += 1;
    if (text.length > PIECE_LENGTH) {
      parts.push(new Blob([text]));
      text = '';
    }
    if (spans % PAGE === 0) onProgress(spans, bytes);
  }
  parts.push(new Blob([text]));
  const day = new Date().toISOString().slice(0, 10);
  return { blob: new Blob(parts, { type: TYPES[format] }), name: `logline-${day}.${format}`, spans, isCut };
}

import type { Identity } from '../base/identity';
import { type SignedSpan, SPAN_COLUMNS } from '../base/span';
import type { Database } from '../db/pool';
import { queryAs } from '../db/query-as';
import { keyOf } from './span-key';
import { spanOfRow } from './span-row';

/** Largest JSON of an answer. Pages end early, and echoes of appends are shortened, to stay within it. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Room for the rest of an answer: names, counts, a cursor of at most 6,000 characters. */
const ENVELOPE_BYTES = 8 * 1024;

/** Largest JSON of the spans of an answer. */
export const MAX_SPANS_BYTES = MAX_ANSWER_BYTES - ENVELOPE_BYTES;

/** The columns of a span that can be long. PostgreSQL knows the length of a text without reading it. */
const TEXTS = ['this', 'description', 'code', 'language', 'runtime'] as const;
const DOCUMENTS = ['related_to', 'input', 'output', 'error', 'metadata'] as const;
const LONG_COLUMNS: ReadonlySet<string> = new Set([...TEXTS, ...DOCUMENTS]);

/** A row of at most this many stored bytes is never read separately: a thousand of them take 8 MB. */
const SMALL_ROW_BYTES = 8 * 1024;

const sum = (terms: readonly string[]) => terms.join(' + ');
const present = (bytes: string) => `coalesce(${bytes}, 0)`;

const STORED_BYTES = sum([
  ...TEXTS.map((column) => present(`octet_length(r.${column})`)),
  ...DOCUMENTS.map((column) => present(`pg_column_size(r.${column})`)),
]);

const IS_COMPRESSED = `coalesce(${DOCUMENTS.map((column) => `pg_column_compression(r.${column})`).join(', ')}) IS NOT NULL`;

/**
 * Uncompressed bytes of a row. Putting a document into an array decompresses it (1 ms for 1 MB) without converting it to
 * text.
 */
const FULL_BYTES = sum([
  ...TEXTS.map((column) => present(`octet_length(r.${column})`)),
  ...DOCUMENTS.map((column) => {
    const whole =
      column === 'related_to' ? `16 * cardinality(r.${column})` : `pg_column_size(ARRAY[r.${column}])`;
    return `CASE WHEN pg_column_compression(r.${column}) IS NULL THEN ${present(`pg_column_size(r.${column})`)} ELSE ${whole} END`;
  }),
]);

const COLUMNS = SPAN_COLUMNS.map((column) =>
  LONG_COLUMNS.has(column)
    ? `CASE WHEN r.large_bytes IS NULL THEN r.${column} END AS ${column}`
    : `r.${column}`,
).join(', ');

/** A row of {@link withoutLargeContent}. */
export type BoundedRow = Record<string, unknown> & {
  readonly id: string;
  readonly seq: number;
  /** Stored bytes of a row whose long columns were left out; null for a whole row. */
  readonly large_bytes: number | null;
};

/**
 * A statement for the rows of a page, without the long columns of large rows: a thousand spans of 1 MB must not be read
 * to find out that four of them fit. Pages of small spans need no second statement.
 * @param rows the SQL after `SELECT *`: FROM a relation of whole spans named `r`, ordered and limited
 * @param order ORDER BY expressions over `r`
 * @param limit of the rows, as SQL: a row is large when this many of its size would not fit into an answer
 * @param columns further columns of `r`, each with a comma before it; defaults to none
 */
export function withoutLargeContent(rows: string, order: string, limit: string, columns = ''): string {
  const large = `CASE WHEN ${STORED_BYTES} > greatest(${SMALL_ROW_BYTES}, ${MAX_SPANS_BYTES} / ${limit}) OR ${IS_COMPRESSED} THEN ${STORED_BYTES} END AS large_bytes`;
  return `SELECT ${COLUMNS}${columns}, r.large_bytes FROM (SELECT *, ${large} ${rows}) r ORDER BY ${order}`;
}

/**
 * Whole spans by their keys: the first ones whose bytes fit into an answer, at least one. The others are left out
 * before their columns are read.
 */
const LARGE_SPANS = `SELECT ${SPAN_COLUMNS.map((column) => `r.${column}`).join(', ')} FROM (
  SELECT r.*, sum(${FULL_BYTES}) OVER (ORDER BY r.rank ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM (
    SELECT r.*, k.rank FROM unnest($1::uuid[], $2::int[]) WITH ORDINALITY AS k (id, seq, rank)
    JOIN ledger.universal_registry r ON r.id = k.id AND r.seq = k.seq ORDER BY k.rank
  ) r
) r WHERE coalesce(r.before, 0) < $3::bigint ORDER BY r.rank`;

/** A turn for each span would have a page of twenty small ones wait twenty times. */
const BYTES_A_TURN = 8 * 1024;

/** Limits of a page. */
export interface PageBounds {
  /** Most bytes of JSON of its spans; a single larger span still passes. Defaults to {@link MAX_SPANS_BYTES}. */
  readonly maxBytes?: number | undefined;
  /**
   * Awaited after {@link BYTES_A_TURN} of spans are serialised, and at the end, so that a page of many small values does
   * not block the event loop.
   */
  readonly turn?: ((bytes: number) => Promise<void> | undefined) | undefined;
}

/** The spans of a page that fit into an answer. */
export interface FittingSpans {
  readonly spans: readonly SignedSpan[];
  /** The JSON of each span. */
  readonly json: readonly string[];
}

/**
 * The first rows of a page as spans, as many as fit into an answer; large ones are read now. The first span is always
 * included: spans of the first edition may alone be larger than an answer.
 */
export async function readFitting(
  database: Database,
  identity: Identity,
  rows: readonly BoundedRow[],
  { maxBytes = MAX_SPANS_BYTES, turn }: PageBounds = {},
): Promise<FittingSpans> {
  const large = await readLarge(database, identity, rows, maxBytes);
  const spans: SignedSpan[] = [];
  const json: string[] = [];
  let bytes = 0;
  let unpaid = 0;
  for (const row of rows) {
    const span = row.large_bytes === null ? spanOfRow(row) : large.get(keyOf(row));
    if (span === undefined) break;
    const text = JSON.stringify(span);
    bytes += Buffer.byteLength(text) + 1;
    unpaid += text.length;
    if (unpaid >= BYTES_A_TURN) {
      const pause = turn?.(unpaid);
      unpaid = 0;
      if (pause !== undefined) await pause;
    }
    if (bytes > maxBytes && json.length > 0) break;
    spans.push(span);
    json.push(text);
  }
  const pause = unpaid === 0 ? undefined : turn?.(unpaid);
  if (pause !== undefined) await pause;
  return { spans, json };
}

async function readLarge(
  database: Database,
  identity: Identity,
  rows: readonly BoundedRow[],
  maxBytes: number,
): Promise<ReadonlyMap<string, SignedSpan>> {
  const wanted = firstLarge(rows, maxBytes);
  if (wanted.length === 0) return new Map();
  const values = [wanted.map(({ id }) => id), wanted.map(({ seq }) => seq), maxBytes];
  const found = await queryAs<BoundedRow>(
    database,
    identity,
    { name: 'large_spans', text: LARGE_SPANS, values },
    'read',
  );
  return new Map(found.rows.map((row) => [keyOf(row), spanOfRow(row)]));
}

/** The first large rows whose stored bytes, fewer than those of their JSON, fill an answer. */
function firstLarge(rows: readonly BoundedRow[], maxBytes: number): readonly BoundedRow[] {
  const wanted: BoundedRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    if (row.large_bytes === null) continue;
    if (bytes > maxBytes) break;
    wanted.push(row);
    bytes += row.large_bytes;
  }
  return wanted;
}

import { type Kysely, sql } from 'kysely';
import type { DB } from '../db/database.generated';
import type { Identity } from '../db/identity';
import { queryAs } from '../db/one-statement';
import type { Database } from '../db/pool';
import { statementBuilder } from '../db/statement-builder';
import type { Transaction } from '../db/with-pg';
import type { SignedSpan } from './span';
import { SPAN_COLUMNS } from './span';
import { spanOfRow } from './span-row';
import { readTimeline, type TimelinePosition } from './timeline';

/** Versions of one entity that one answer holds at most, the newest first kept. */
export const MAX_VERSIONS = 1_000;

/** Every version of an entity that the transaction's identity may read, oldest first, at most MAX_VERSIONS. */
export async function readVersions({ db }: Transaction, id: string): Promise<SignedSpan[]> {
  const rows = await db
    .selectFrom('ledger.universal_registry')
    .select(SPAN_COLUMNS)
    .where('id', '=', id)
    .orderBy('seq', 'desc')
    .limit(MAX_VERSIONS)
    .execute();
  return rows.map(spanOfRow).reverse();
}

const LATEST = {
  name: 'latest_version',
  text: statementBuilder
    .selectFrom('ledger.universal_registry')
    .select(SPAN_COLUMNS)
    .where('id', '=', '')
    .orderBy('seq', 'desc')
    .limit(sql.lit(1))
    .compile().sql,
};

/** The newest version of an entity that the transaction's identity may read. */
export async function readLatest({ client }: Transaction, id: string): Promise<SignedSpan | undefined> {
  const { rows } = await client.query<Row>({ ...LATEST, values: [id] });
  return rows.map(spanOfRow)[0];
}

/** {@link readLatest} as a transaction of its own: every run of a function asks for it. */
export async function readLatestAs(
  database: Database,
  identity: Identity,
  id: string,
): Promise<SignedSpan | undefined> {
  const { rows } = await queryAs<Row>(database, identity, { ...LATEST, values: [id] }, 'read');
  return rows.map(spanOfRow)[0];
}

type Row = Record<string, unknown>;

/** One version of an entity. */
export interface SpanKey {
  readonly id: string;
  readonly seq: number;
}

/** The named versions that exist and may be read, in no particular order. */
export async function readSpans({ db }: Transaction, keys: readonly SpanKey[]): Promise<SignedSpan[]> {
  if (keys.length === 0) return [];
  return (await spansByKey(db, keys).execute()).map(spanOfRow);
}

/** {@link readSpans} as a transaction of its own. */
export async function readSpansAs(
  database: Database,
  identity: Identity,
  keys: readonly SpanKey[],
): Promise<SignedSpan[]> {
  if (keys.length === 0) return [];
  const { sql: text, parameters: values } = spansByKey(statementBuilder, keys).compile();
  const { rows } = await queryAs<Row>(database, identity, { name: 'spans_by_key', text, values }, 'read');
  return rows.map(spanOfRow);
}

function spansByKey(db: Kysely<DB>, keys: readonly SpanKey[]) {
  const ids = keys.map(({ id }) => id);
  const seqs = keys.map(({ seq }) => seq);
  return db
    .selectFrom('ledger.universal_registry')
    .select(SPAN_COLUMNS)
    .where(sql<boolean>`(id, seq) IN (SELECT * FROM unnest(${ids}::uuid[], ${seqs}::int[]))`);
}

/** A place in the feed: the columns tx_id and ordinal, as PostgreSQL writes them. */
export interface FeedPosition {
  readonly tx_id: string;
  readonly ordinal: string;
}

/** A span of the feed, with its own place: reading goes on behind it. */
export interface FeedSpan {
  readonly span: SignedSpan;
  readonly position: FeedPosition;
}

/**
 * Spans in commit order from behind a position on, with the place behind the last of them.
 * @see readTimeline
 */
export async function readFeed(
  database: Database,
  identity: Identity,
  after: FeedPosition,
  limit: number,
): Promise<{ spans: readonly FeedSpan[]; next: FeedPosition; hasMore: boolean }> {
  const page = await readTimeline(database, {
    identity,
    filter: {},
    order: 'feed',
    limit,
    after: { order: 'feed', txId: after.tx_id, ordinal: after.ordinal },
  });
  const spans = page.spans.map((span, index) => ({ span, position: placeOf(page.positions[index], after) }));
  return { spans, next: placeOf(page.next, after), hasMore: page.hasMore };
}

function placeOf(position: TimelinePosition | undefined, otherwise: FeedPosition): FeedPosition {
  return position?.order === 'feed' ? { tx_id: position.txId, ordinal: position.ordinal } : otherwise;
}

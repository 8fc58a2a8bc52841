import { sql } from 'kysely';
import type { Identity } from '../db/identity';
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
  text: `SELECT ${SPAN_COLUMNS.join(', ')} FROM ledger.universal_registry WHERE id = $1 ORDER BY seq DESC LIMIT 1`,
};

/**
 * The newest version of an entity that the identity may read. Every run of a function asks for it, so its plan is
 * kept: 0.2 ms of PostgreSQL instead of 0.5.
 */
export async function readLatest({ client }: Transaction, id: string): Promise<SignedSpan | undefined> {
  const { rows } = await client.query<Record<string, unknown>>({ ...LATEST, values: [id] });
  const [row] = rows;
  return row === undefined ? undefined : spanOfRow(row);
}

/** The named versions that exist and may be read, in no particular order. */
export async function readSpans(
  { db }: Transaction,
  keys: readonly { readonly id: string; readonly seq: number }[],
): Promise<SignedSpan[]> {
  if (keys.length === 0) return [];
  const rows = await db
    .selectFrom('ledger.universal_registry')
    .select(SPAN_COLUMNS)
    .where(
      sql<boolean>`(id, seq) IN (SELECT * FROM unnest(${keys.map(({ id }) => id)}::uuid[], ${keys.map(({ seq }) => seq)}::int[]))`,
    )
    .execute();
  return rows.map(spanOfRow);
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
  transaction: Transaction,
  identity: Identity,
  after: FeedPosition,
  limit: number,
): Promise<{ spans: readonly FeedSpan[]; next: FeedPosition; hasMore: boolean }> {
  const page = await readTimeline(transaction, {
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

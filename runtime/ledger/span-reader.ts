import type { Identity } from '../base/identity';
import type { SignedSpan } from '../base/span';
import type { Database } from '../db/pool';
import { queryAs, runStatement } from '../db/query-as';
import { type BoundedRow, type PageBounds, readFitting, withoutLargeContent } from './page-bytes';
import { keyOf, type SpanKey } from './span-key';
import { spanOfRow } from './span-row';
import { readTimeline } from './timeline';
import type { TimelinePosition } from './timeline-request';

/** Most versions of one entity on a page. */
const MAX_VERSIONS = 1_000;
/** Largest `integer` of PostgreSQL. */
const MAX_SEQ = 2_147_483_647;

const VERSIONS = {
  name: 'versions',
  text: withoutLargeContent(
    'FROM ledger.universal_registry r WHERE r.id = $1 AND r.seq < $2::bigint ORDER BY r.seq DESC LIMIT $3::integer',
    'r.seq DESC',
    '$3::integer',
  ),
} as const;

/** A part of an entity's history. */
export interface VersionPage {
  /** Newest first. */
  readonly spans: readonly SignedSpan[];
  /** The JSON of each span. */
  readonly json: readonly string[];
  /** Whether older versions are left. */
  readonly hasMore: boolean;
}

/**
 * The newest versions of an entity that the identity may read, as many as fit into a page.
 * @param before only versions below this seq; defaults to all
 */
export async function readVersions(
  database: Database,
  identity: Identity,
  id: string,
  before = MAX_SEQ + 1,
  bounds: PageBounds = {},
): Promise<VersionPage> {
  const statement = { ...VERSIONS, values: [id, before, MAX_VERSIONS + 1] };
  const { rows } = await queryAs<BoundedRow>(database, identity, statement, 'read');
  const fitting = await readFitting(database, identity, rows.slice(0, MAX_VERSIONS), bounds);
  return { ...fitting, hasMore: fitting.spans.length < rows.length };
}

/** The newest version of an entity that the identity may read. */
export async function readLatest(
  database: Database,
  identity: Identity,
  id: string,
): Promise<SignedSpan | undefined> {
  const [row] = await runStatement(database, identity, 'latest_version', [id]);
  return row === undefined ? undefined : spanOfRow(row);
}

/** The named versions that exist and that the identity may read, in no particular order. */
export async function readSpans(
  database: Database,
  identity: Identity,
  keys: readonly SpanKey[],
): Promise<SignedSpan[]> {
  if (keys.length === 0) return [];
  const values = [keys.map(({ id }) => id), keys.map(({ seq }) => seq)] as const;
  const rows = await runStatement(database, identity, 'spans_by_key', [...values]);
  return rows.map(spanOfRow);
}

/** A version without its content: its key, owner, links and hash. */
export type SpanHead = Pick<
  SignedSpan,
  | 'id'
  | 'seq'
  | 'at'
  | 'owner_id'
  | 'tenant_id'
  | 'trace_id'
  | 'prev_hash'
  | 'curr_hash'
  | 'signature'
  | 'public_key'
>;

/** {@link readSpans} without content, by `keyOf`: about 500 bytes each, however large the spans are. */
export async function readSpanHeads(
  database: Database,
  identity: Identity,
  keys: readonly SpanKey[],
): Promise<ReadonlyMap<string, SpanHead>> {
  if (keys.length === 0) return new Map();
  const values = [keys.map(({ id }) => id), keys.map(({ seq }) => seq)] as const;
  const rows = await runStatement(database, identity, 'version_heads', [...values]);
  return new Map(rows.map(spanOfRow).map((head) => [keyOf(head), head]));
}

/** A position in the feed: the columns tx_id and ordinal, as decimal texts. */
export interface FeedPosition {
  readonly tx_id: string;
  readonly ordinal: string;
}

/** The feed position of a version; undefined when it does not exist or the identity may not read it. */
export async function feedPositionOf(
  database: Database,
  identity: Identity,
  { id, seq }: SpanKey,
): Promise<FeedPosition | undefined> {
  if (seq > MAX_SEQ) return undefined;
  const [position] = await runStatement(database, identity, 'feed_position', [id, seq]);
  return position;
}

/** A span of the feed with its position; reading can go on after it. */
export interface FeedSpan {
  readonly span: SignedSpan;
  readonly position: FeedPosition;
}

/**
 * Spans in commit order after a position, and the position to go on from.
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
  const spans = page.spans.map((span, index) => ({
    span,
    position: columnsOf(page.positions[index], after),
  }));
  return { spans, next: columnsOf(page.next, after), hasMore: page.hasMore };
}

function columnsOf(position: TimelinePosition | undefined, otherwise: FeedPosition): FeedPosition {
  return position?.order === 'feed' ? { tx_id: position.txId, ordinal: position.ordinal } : otherwise;
}

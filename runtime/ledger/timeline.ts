import type { SignedSpan } from '../base/span';
import type { Database } from '../db/pool';
import { queryAs } from '../db/query-as';
import { type BoundedRow, type FittingSpans, readFitting } from './page-bytes';
import { isOrderedPlan, timelineQuery } from './timeline-query';
import type { TimelinePosition, TimelineRequest } from './timeline-request';

export type { TimelinePosition, TimelineRequest };

/** The position before every span of the feed: no transaction has id 0. */
const FEED_START: TimelinePosition = { order: 'feed', txId: '0', ordinal: '0' };

/** One page of a listing. */
export interface TimelinePage {
  readonly spans: readonly SignedSpan[];
  /** The JSON of each span. */
  readonly json: readonly string[];
  /** For `feed`, the position of each span; empty otherwise. */
  readonly positions: readonly TimelinePosition[];
  readonly hasMore: boolean;
  /** Where the next page starts; undefined after the last page of `desc` and `asc`, always given for `feed`. */
  readonly next: TimelinePosition | undefined;
  /** The feed epoch that the page was read in; undefined for an empty page, and for later pages of `desc` and `asc`. */
  readonly epoch: string | undefined;
}

/**
 * Reads one page of what the identity may read; see {@link timelineQuery}. A page is one statement and so has one
 * snapshot; later pages of `desc` and `asc` keep that of the first.
 * @throws UnavailableError when the database does not answer
 */
export async function readTimeline(database: Database, request: TimelineRequest): Promise<TimelinePage> {
  const access = isOrderedPlan(request) ? 'read in order' : 'read';
  const { rows } = await queryAs<Row>(database, request.identity, timelineQuery(request), access);
  const fitting = await readFitting(database, request.identity, rows.slice(0, request.limit), request.bounds);
  return page(request, rows, fitting);
}

type Row = BoundedRow & {
  readonly tx_id: string;
  readonly ordinal: string;
  readonly snapshot?: string;
  readonly epoch?: string;
};

function page(request: TimelineRequest, found: readonly Row[], { spans, json }: FittingSpans): TimelinePage {
  const rows = found.slice(0, spans.length);
  const hasMore = found.length > spans.length;
  const { order, after } = request;
  const epoch = rows[0]?.epoch;
  if (order === 'feed') {
    const positions = rows.map((row) => ({ order, txId: row.tx_id, ordinal: row.ordinal }));
    return { spans, json, positions, hasMore, next: positions.at(-1) ?? after ?? FEED_START, epoch };
  }
  const end = spans.at(-1);
  if (!hasMore || end === undefined)
    return { spans, json, positions: [], hasMore: false, next: undefined, epoch };
  const snapshot = after?.order === order ? after.snapshot : rows[0]?.snapshot;
  if (snapshot === undefined) throw new TypeError('the first page of a listing has no snapshot');
  const next = { order, snapshot, at: end.at, id: end.id, seq: end.seq };
  return { spans, json, positions: [], hasMore, next, epoch };
}

import type { Identity } from '../db/identity';
import type { Transaction, TransactionOptions } from '../db/with-pg';
import type { SignedSpan } from './span';
import { spanOfRow } from './span-row';
import type { TimelineFilter, TimelineOrder } from './timeline-filter';
import { isOrderedPlan, ORDERED_PLAN, timelineQuery } from './timeline-query';

/** After which row a page starts. `desc` and `asc` stay within the snapshot of their first page. */
export type TimelinePosition =
  | {
      readonly order: 'desc' | 'asc';
      readonly snapshot: string;
      readonly at: string;
      readonly id: string;
      readonly seq: number;
    }
  | { readonly order: 'feed'; readonly txId: string; readonly ordinal: string };

/** Where every feed begins: no transaction has id 0. */
export const FEED_START: TimelinePosition = { order: 'feed', txId: '0', ordinal: '0' };

export interface TimelinePage {
  readonly spans: readonly SignedSpan[];
  /** For `feed`, the place of each span; empty otherwise. */
  readonly positions: readonly TimelinePosition[];
  readonly hasMore: boolean;
  /** Undefined after the last page of `desc` and `asc`; always given for `feed`, whose end only waits. */
  readonly next: TimelinePosition | undefined;
}

export interface TimelineRequest {
  readonly identity: Identity;
  readonly filter: TimelineFilter;
  readonly order: TimelineOrder;
  readonly limit: number;
  readonly after: TimelinePosition | undefined;
}

/** How the transaction of a page must be opened. */
export function timelineTransaction(request: TimelineRequest): TransactionOptions {
  const options = { readOnly: true, snapshot: true };
  return isOrderedPlan(request) ? { ...options, settings: ORDERED_PLAN } : options;
}

/**
 * One page of what the transaction's identity may read; see {@link timelineQuery} for how.
 *
 * The transaction must be read-only with `snapshot: true`. A page is fastest in one that was opened with
 * {@link timelineTransaction}.
 */
export async function readTimeline(
  transaction: Transaction,
  request: TimelineRequest,
): Promise<TimelinePage> {
  const { text, values, name } = timelineQuery(request);
  // A plan that is kept knows no values; without the settings made for it, it would be a bad one.
  const isKept = name !== undefined && transaction.settings === ORDERED_PLAN;
  const { rows } = await transaction.client.query<Row>({
    text,
    values: [...values],
    ...(isKept ? { name } : {}),
  });
  return page(transaction, request, rows);
}

type Row = Record<string, unknown> & { readonly tx_id: string; readonly ordinal: string };

async function page(
  transaction: Transaction,
  request: TimelineRequest,
  found: readonly Row[],
): Promise<TimelinePage> {
  const rows = found.slice(0, request.limit);
  const hasMore = found.length > request.limit;
  const spans = rows.map(spanOfRow);
  if (request.order === 'feed') {
    const positions = rows.map((row) => ({ order: 'feed' as const, txId: row.tx_id, ordinal: row.ordinal }));
    return { spans, positions, hasMore, next: positions.at(-1) ?? request.after ?? FEED_START };
  }
  const end = spans.at(-1);
  if (!hasMore || end === undefined) return { spans, positions: [], hasMore: false, next: undefined };
  const snapshot =
    request.after?.order === request.order ? request.after.snapshot : await transaction.snapshot();
  return {
    spans,
    positions: [],
    hasMore,
    next: { order: request.order, snapshot, at: end.at, id: end.id, seq: end.seq },
  };
}

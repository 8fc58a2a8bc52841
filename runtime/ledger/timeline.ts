import { type Expression, type SqlBool, sql } from 'kysely';
import type { Identity } from '../db/identity';
import type { Transaction } from '../db/with-pg';
import type { SignedSpan } from './span';
import { SPAN_COLUMNS } from './span';
import { spanOfRow } from './span-row';
import { EQUALITY_FILTERS, type TimelineFilter, type TimelineOrder } from './timeline-filter';

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

/**
 * One page of what the transaction's identity may read.
 *
 * One ordered index range per audience is merged, instead of one range over all rows with a filter: a page
 * costs the same whatever other tenants hold. Rejected, measured at 10^6 rows (DESIGN.md section 12): the
 * policy as `owner OR public OR tenant`, 230 ms for the biggest tenant's first page; an index on `at` alone,
 * which filters away thousands of foreign rows for a small tenant.
 *
 * The transaction must be read-only with `snapshot: true`.
 */
export async function readTimeline(
  transaction: Transaction,
  request: TimelineRequest,
): Promise<TimelinePage> {
  const branches = audiencesOf(request).map((audience) => branch(transaction, request, audience));
  const [first, ...others] = branches;
  if (first === undefined) return page(transaction, request, []);
  const ranges = others.reduce((merged, next) => merged.unionAll(next), first);
  const rows = await transaction.db
    .selectFrom(ranges.as('page'))
    .selectAll()
    .orderBy(sql.raw(ORDER_BY[request.order]))
    .limit(request.limit + 1)
    .execute();
  return page(transaction, request, rows);
}

const ORDER_BY = {
  desc: 'at desc, id desc, seq desc',
  asc: 'at asc, id asc, seq asc',
  feed: 'tx_id asc, ordinal asc',
} as const;

/** Which of the caller's audiences can hold what the filter asks for. */
function audiencesOf({ identity, filter }: TimelineRequest): Expression<string>[] {
  const { user, tenant } = identity;
  const all: { visibility: string; audience: Expression<string> }[] = [
    { visibility: 'public', audience: sql<string>`'public'` },
  ];
  if (tenant !== '') {
    all.push(
      { visibility: 'tenant', audience: sql<string>`${`tenant:${tenant}`}` },
      // Counted in characters, as length() of PostgreSQL does.
      { visibility: 'private', audience: sql<string>`${`owner:${[...tenant].length}:${tenant}:${user}`}` },
    );
  }
  return all
    .filter(({ visibility }) => filter.visibility === undefined || filter.visibility === visibility)
    .map(({ audience }) => audience);
}

type Row = Record<string, unknown> & { readonly tx_id: string; readonly ordinal: string };

function branch({ db }: Transaction, request: TimelineRequest, audience: Expression<string>) {
  const { order, limit } = request;
  return db
    .selectFrom(
      db
        .selectFrom('ledger.universal_registry as r')
        .select([...SPAN_COLUMNS, 'tx_id', 'ordinal'])
        .where('audience', '=', audience)
        .where((eb) => eb.and(conditions(request)))
        .orderBy(sql.raw(ORDER_BY[order]))
        .limit(limit + 1)
        .as('range'),
    )
    .selectAll();
}

function conditions({ filter, order, after }: TimelineRequest): Expression<SqlBool>[] {
  const where: Expression<SqlBool>[] = EQUALITY_FILTERS.flatMap((column) => {
    const value = filter[column];
    return value === undefined ? [] : [sql<SqlBool>`${sql.ref(`r.${column}`)} = ${value}`];
  });
  if (filter.related_to !== undefined)
    where.push(sql<SqlBool>`r.related_to @> ARRAY[${filter.related_to}]::uuid[]`);
  if (filter.since !== undefined) where.push(sql<SqlBool>`r.at >= ${filter.since}::timestamptz`);
  if (filter.until !== undefined) where.push(sql<SqlBool>`r.at < ${filter.until}::timestamptz`);
  if (order === 'feed') {
    // Rows at or above this may still be joined by a transaction that is open now and has a smaller id.
    where.push(sql<SqlBool>`r.tx_id < pg_snapshot_xmin(pg_current_snapshot())`);
  } else {
    where.push(notDeleted(after?.order === order ? after.snapshot : undefined));
  }
  if (after !== undefined) where.push(...beyond(after));
  return where;
}

function beyond(after: TimelinePosition): Expression<SqlBool>[] {
  if (after.order === 'feed') {
    return [sql<SqlBool>`(r.tx_id, r.ordinal) > (${after.txId}::xid8, ${after.ordinal}::bigint)`];
  }
  const { at, id, seq, snapshot } = after;
  const comparison = sql.raw(after.order === 'desc' ? '<' : '>');
  return [
    sql<SqlBool>`(r.at, r.id, r.seq) ${comparison} (${at}::timestamptz, ${id}::uuid, ${seq}::integer)`,
    sql<SqlBool>`pg_visible_in_snapshot(r.tx_id, ${snapshot}::pg_snapshot)`,
  ];
}

/** Whether the entity was not deleted, as the listing's snapshot saw it. */
function notDeleted(snapshot: string | undefined): Expression<SqlBool> {
  const seen = (alias: string) =>
    snapshot === undefined
      ? sql``
      : sql` AND pg_visible_in_snapshot(${sql.ref(`${alias}.tx_id`)}, ${snapshot}::pg_snapshot)`;
  return sql<SqlBool>`NOT EXISTS (
    SELECT FROM app.deletion d WHERE d.id = r.id AND d.is_deleted${seen('d')}
      AND NOT EXISTS (SELECT FROM app.deletion later WHERE later.id = d.id AND later.seq > d.seq${seen('later')}))`;
}

async function page(
  transaction: Transaction,
  request: TimelineRequest,
  found: readonly object[],
): Promise<TimelinePage> {
  const rows = found.slice(0, request.limit) as readonly Row[];
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

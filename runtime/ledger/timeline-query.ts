import { createHash } from 'node:crypto';
import type { Identity } from '../base/identity';
import { SPAN_COLUMNS } from '../base/span';
import type { Statement } from '../db/query-as';
import { withoutLargeContent } from './page-bytes';
import { EQUALITY_FILTERS, type TimelineFilter, type TimelineOrder } from './timeline-filter';
import type { TimelinePosition, TimelineRequest } from './timeline-request';

const SPAN = SPAN_COLUMNS.map((column) => `r.${column}`).join(', ');

/**
 * Most prepared statements of this kind per connection; every other text is planned at each execution. So is that of a
 * repeated filter: its plan takes ten times the memory, in each connection, and callers can make hundreds of such texts.
 */
const MAX_NAMED = 256;
const named = new Map<string, string>();

/**
 * The statement for a page: one ordered index range per audience, merged.
 *
 * A range is read in the order of the page and left after `limit + 1` rows, so a page costs the same whatever other
 * tenants have. A filter that an audience implies (a private span's owner, a tenant span's tenant) is dropped or empties
 * the range; every other filter has an index that begins with the audience. bench/README.md lists rejected alternatives.
 */
export function timelineQuery(request: TimelineRequest): Statement {
  const parameters = new Parameters();
  const limit = `${parameters.add(request.limit + 1)}::integer`;
  const order = ORDER_BY[request.order];
  const filters = request.anyOf ?? [request.filter];
  const alternatives = filters.map((filter) => ({ ...request, filter }));
  const parted = alternatives.flatMap((one) => rangesOf(one).map((range) => ({ one, range })));
  const ranges = parted.map(({ one, range }) => {
    const source =
      one.filter.related_to === undefined ? '' : relation(one.filter.related_to, range, parameters);
    // The side table has the columns of the order: the range is read from there and the spans are looked up.
    const keys = source === '' || request.order === 'feed' ? order : RELATION_ORDER_BY[request.order];
    const conditions = [
      ...(source === '' ? [`r.audience = ${audience(range, parameters)}`] : []),
      ...conditionsOf(one, range, parameters, source === '' ? 'r' : 's'),
    ];
    return `(SELECT ${SPAN}, r.tx_id, r.ordinal FROM ${source}ledger.universal_registry r${
      source === '' ? '' : ' ON r.id = s.span_id AND r.seq = s.seq'
    } WHERE ${conditions.join(' AND ')} ORDER BY ${keys} LIMIT ${limit})`;
  });
  const text =
    ranges.length === 0
      ? EMPTY
      : withoutLargeContent(
          `FROM (${ranges.join(' UNION ALL ')}) r ORDER BY ${order} LIMIT ${limit}`,
          order,
          limit,
          `, r.tx_id, r.ordinal${snapshotColumns(request)}`,
        );
  const query = { text, values: ranges.length === 0 ? [] : parameters.values };
  const isNamed = isOrderedPlan(request) && ranges.length > 0 && filters.length === 1;
  const name = isNamed ? nameOf(text) : undefined;
  return name === undefined ? query : { ...query, name };
}

const ORDER_BY = {
  desc: 'r.at DESC, r.id DESC, r.seq DESC',
  asc: 'r.at, r.id, r.seq',
  feed: 'r.tx_id, r.ordinal',
} as const satisfies Record<TimelineOrder, string>;

const RELATION_ORDER_BY = {
  desc: 's.at DESC, s.span_id DESC, s.seq DESC',
  asc: 's.at, s.span_id, s.seq',
} as const;

const EMPTY = 'SELECT WHERE false';

/** The epoch that the page is read in; after a restore it may differ from the one that the process has cached. */
const EPOCH = ', (SELECT e.epoch FROM app.feed_epoch e ORDER BY e.number DESC LIMIT 1) AS epoch';

/**
 * All transactions below this one have ended. A standby's snapshot lists no running transactions and so would count rows
 * that are not visible there yet as seen: listings that begin on a standby stay below this.
 */
const COMPLETE = 'pg_snapshot_xmin(pg_current_snapshot())';

/** The columns by which the first page of a listing returns its snapshot for later pages. */
function snapshotColumns({ order, after, isReplica }: TimelineRequest): string {
  if (order === 'feed') return EPOCH;
  if (after === undefined && isReplica)
    return `, ${COMPLETE}::text || ':' || ${COMPLETE}::text || ':' AS snapshot${EPOCH}`;
  return after === undefined ? `, pg_current_snapshot()::text AS snapshot${EPOCH}` : '';
}

/** Filters with an index of their own; only a plan that knows their values can combine several. */
const INDEXED = [...EQUALITY_FILTERS, 'related_to'] as const;

/** Whether a single index returns the page in order, as it does with at most one indexed filter. */
export function isOrderedPlan({ order, filter: single, anyOf }: TimelineRequest): boolean {
  const filter = anyOf?.[0] ?? single;
  const free = INDEXED.filter(
    (member) => filter[member] !== undefined && member !== 'visibility' && member !== 'tenant_id',
  );
  return order !== 'feed' && free.length + (filter.tenant_id === undefined ? 0 : 1) <= 1;
}

/** The audience of a range. `public` is a literal in the statement, so that partial indexes apply. */
interface Range {
  readonly visibility: 'private' | 'tenant' | 'public';
  readonly key: string;
}

function rangesOf({ identity, filter }: TimelineRequest): Range[] {
  return audiencesOf(identity).filter(
    ({ visibility }) =>
      (filter.visibility === undefined || filter.visibility === visibility) &&
      (visibility !== 'private' || filter.owner_id === undefined || filter.owner_id === identity.user) &&
      (visibility === 'public' || filter.tenant_id === undefined || filter.tenant_id === identity.tenant),
  );
}

/** The audiences of an identity, the same as `ledger.session_audiences()` returns. */
function audiencesOf({ user, tenant }: Identity): Range[] {
  const everybody: Range = { visibility: 'public', key: 'public' };
  if (tenant === '') return [everybody];
  return [
    everybody,
    { visibility: 'tenant', key: `tenant:${tenant}` },
    // Counted in code points, as PostgreSQL's length() does.
    { visibility: 'private', key: `owner:${[...tenant].length}:${tenant}:${user}` },
  ];
}

function audience({ visibility, key }: Range, parameters: Parameters): string {
  return visibility === 'public' ? `'public'` : `${parameters.add(key)}::text`;
}

function relation(relatedTo: string, range: Range, parameters: Parameters): string {
  return (
    `(SELECT * FROM app.span_relation WHERE audience = ${audience(range, parameters)} ` +
    `AND related_id = ${parameters.add(relatedTo)}::uuid) s JOIN `
  );
}

/** Filters that an audience implies. */
const IMPLIED = {
  private: ['owner_id', 'tenant_id', 'visibility'],
  tenant: ['tenant_id', 'visibility'],
  public: ['visibility'],
} as const satisfies Record<Range['visibility'], readonly (keyof TimelineFilter)[]>;

function conditionsOf(
  { filter, order, after, isReplica }: TimelineRequest,
  { visibility }: Range,
  parameters: Parameters,
  ordered: 'r' | 's',
): string[] {
  const implied: readonly string[] = IMPLIED[visibility];
  const where = EQUALITY_FILTERS.flatMap((column) => {
    const value = filter[column];
    if (value === undefined || implied.includes(column)) return [];
    return [`r.${column} = ${parameters.add(value)}::${column === 'parent_id' ? 'uuid' : 'text'}`];
  });
  if (filter.related_to_none !== undefined)
    where.push(`NOT r.related_to && ${parameters.add(filter.related_to_none)}::uuid[]`);
  // The predicate of the partial index on owner_id.
  if (filter.owner_id !== undefined && visibility !== 'private') where.push(`r.visibility <> 'private'`);
  if (filter.since !== undefined) where.push(`${ordered}.at >= ${parameters.add(filter.since)}::timestamptz`);
  if (filter.until !== undefined) where.push(`${ordered}.at < ${parameters.add(filter.until)}::timestamptz`);
  if (order === 'feed') {
    // A transaction that is still open may commit rows with a smaller id than rows above this.
    where.push(`r.tx_id < ${COMPLETE}`);
  } else if (isReplica && after === undefined) {
    where.push(`r.tx_id < ${COMPLETE}`, notDeleted(` AND d.tx_id < ${COMPLETE}`));
  } else {
    const snapshot = after !== undefined && after.order !== 'feed' ? after.snapshot : undefined;
    where.push(
      notDeleted(
        snapshot === undefined
          ? ''
          : ` AND pg_visible_in_snapshot(d.tx_id, ${parameters.add(snapshot)}::pg_snapshot)`,
      ),
    );
  }
  if (after !== undefined) where.push(...afterPosition(after, parameters, ordered));
  return where;
}

function afterPosition(after: TimelinePosition, parameters: Parameters, ordered: 'r' | 's'): string[] {
  if (after.order === 'feed') {
    return [
      `(r.tx_id, r.ordinal) > (${parameters.add(after.txId)}::xid8, ${parameters.add(after.ordinal)}::bigint)`,
    ];
  }
  const { at, id, seq, snapshot, order } = after;
  const key = ordered === 'r' ? '(r.at, r.id, r.seq)' : '(s.at, s.span_id, s.seq)';
  return [
    `${key} ${order === 'desc' ? '<' : '>'} (${parameters.add(at)}::timestamptz, ` +
      `${parameters.add(id)}::uuid, ${parameters.add(seq)}::integer)`,
    `pg_visible_in_snapshot(r.tx_id, ${parameters.add(snapshot)}::pg_snapshot)`,
  ];
}

/**
 * Condition that the entity is not deleted, by its last deletion or restoration.
 * @param seen a condition that limits these to what the listing sees
 */
function notDeleted(seen: string): string {
  return `(SELECT d.is_deleted FROM app.deletion d WHERE d.id = r.id${seen} ORDER BY d.seq DESC LIMIT 1) IS NOT TRUE`;
}

/** A prepared statement name for this text alone; undefined when {@link MAX_NAMED} are in use. */
function nameOf(text: string): string | undefined {
  const known = named.get(text);
  if (known !== undefined || named.size >= MAX_NAMED) return known;
  const name = `timeline_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`;
  named.set(text, name);
  return name;
}

/** Bind parameters in the order of their numbers. */
class Parameters {
  readonly values: unknown[] = [];

  /** `$n` for a value. */
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

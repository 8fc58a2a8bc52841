import { type Fault, RestoreNeededError } from '../base/errors';
import type { Identity } from '../base/identity';
import type { JsonValue } from '../base/span';
import type { Database } from '../db/pool';
import { malformed } from '../json/parse-with';
import { normalizeTimestamp } from '../json/timestamp';
import {
  type EpochPosition,
  type EpochTimelinePage,
  type EpochTimelineRequest,
  readTimelineAcrossEpochs,
} from '../ledger/epoch-timeline';
import { feedPositionOf } from '../ledger/span-reader';
import {
  combinedFilters,
  REPEATABLE_FILTERS,
  type TimelineFilterValues,
  type TimelineOrder,
} from '../ledger/timeline-filter';
import { type Answer, jsonText } from './answer';
import { authenticate, identityOf } from './authenticate';
import type { Handler, RouteRequest } from './handlers';
import { preferencesOf } from './prefer';
import { parseQuery, type Query } from './query';
import { withReadDatabase } from './read-database';
import { lengthOf, withReadShare } from './read-share';
import type { Stage0 } from './stage0';
import { validateTimelineQuery } from './validators.generated';

const DEFAULT_LIMIT = 100;
/** Most combinations of filter values, since each adds index ranges. */
const MAX_COMBINATIONS = 10;
/** The greatest ordinal: a position after all spans of a transaction. */
const LAST_ORDINAL = '9223372036854775807';
/** Interval at which the token of a waiting caller is checked. */
const TOKEN_CHECK_MS = 1_000;

interface TimelineQuery extends TimelineFilterValues {
  readonly limit?: string;
  readonly cursor?: string;
  readonly order?: TimelineOrder;
  readonly from?: 'end';
  /** `<id>.<seq>` */
  readonly after?: string;
}

/** `GET /api/timeline`. */
export const listTimeline: Handler = async (stage0, route) => {
  const query = parseQuery<TimelineQuery>(
    route.request,
    validateTimelineQuery,
    REPEATABLE_FILTERS,
    queryFaults,
  );
  const { limit, cursor, order = 'desc', from, after, ...given } = query;
  const identity = identityOf(route.caller);
  const values = normalize(given);
  const filters = combinedFilters(values);
  // Binds the cursor to one listing of one caller.
  const listing: JsonValue = { order, filter: { ...values }, user: identity.user, tenant: identity.tenant };
  if (from === 'end') return answerOf(stage0, await endOfFeed(stage0), listing, {});
  const request: EpochTimelineRequest = {
    identity,
    filter: filters[0] ?? {},
    anyOf: filters.length > 1 ? filters : undefined,
    order,
    limit: limit === undefined ? DEFAULT_LIMIT : Number(limit),
    after:
      cursor === undefined
        ? await behindVersion(stage0, identity, after)
        : stage0.cursors.open(cursor, listing),
    bounds: { turn: (bytes) => stage0.fairness.turns.take(identity.tenant, bytes) },
  };
  const waitSeconds = order === 'feed' ? waitSecondsOf(stage0, route.request) : 0;
  if (waitSeconds === 0) {
    const page = await withReadDatabase(stage0, route.request, request.after, (database, isReplica) =>
      read(stage0, { ...request, isReplica }, database),
    );
    return answerOf(stage0, page, listing, {});
  }
  return waitForPage(stage0, route, request, listing, waitSeconds);
};

/** Reads a page within the tenant's share, which is not held while a caller waits. */
function read(
  stage0: Stage0,
  request: EpochTimelineRequest,
  database: Database = stage0.database,
): Promise<EpochTimelinePage> {
  return withReadShare(
    stage0,
    request.identity,
    () => readTimelineAcrossEpochs(database, stage0.epochs, request),
    ({ page }) => lengthOf(page.json),
  );
}

function answerOf(
  stage0: Stage0,
  { page, epoch }: EpochTimelinePage,
  listing: JsonValue,
  headers: Readonly<Record<string, string>>,
): Answer {
  const next = page.next === undefined ? null : stage0.cursors.seal({ epoch, position: page.next }, listing);
  return jsonText(
    200,
    `{"spans":[${page.json.join(',')}],"count":${page.json.length},` +
      `"has_more":${page.hasMore},"next_cursor":${JSON.stringify(next)}}`,
    headers,
  );
}

/** An empty page with a cursor after all transactions that are certain to have ended. */
async function endOfFeed({ epochs }: Stage0): Promise<EpochTimelinePage> {
  const { current, xmin, restoreNeeded } = await epochs.read();
  if (restoreNeeded) throw new RestoreNeededError();
  const next = { order: 'feed', txId: String(xmin - 1n), ordinal: LAST_ORDINAL } as const;
  return {
    page: { spans: [], json: [], positions: [], hasMore: false, next, epoch: current },
    epoch: current,
  };
}

/** The position after a version that the caller may read; undefined when none is named. */
async function behindVersion(
  { database, epochs }: Stage0,
  identity: Identity,
  after: string | undefined,
): Promise<EpochPosition | undefined> {
  if (after === undefined) return undefined;
  const [id = '', seq] = after.split('.');
  const position = await feedPositionOf(database, identity, { id, seq: Number(seq) });
  if (position === undefined) {
    const detail = 'names no version that you may read; take the last one that you have seen';
    throw malformed('The query', [{ pointer: '/after', detail }]);
  }
  const { current } = await epochs.read();
  return { epoch: current, position: { order: 'feed', txId: position.tx_id, ordinal: position.ordinal } };
}

/** Seconds of long polling; 0 for none. */
function waitSecondsOf({ maxWaitSeconds }: Stage0, request: Request): number {
  const wait = preferencesOf(request).get('wait') ?? '';
  return /^\d{1,9}$/.test(wait) ? Math.min(Number(wait), maxWaitSeconds) : 0;
}

/** Waits until the page is not empty or the time is up. */
async function waitForPage(
  stage0: Stage0,
  { request: httpRequest, caller }: RouteRequest,
  request: EpochTimelineRequest,
  listing: JsonValue,
  seconds: number,
) {
  const { waiters, epochs, tokens } = stage0;
  const { signal } = httpRequest;
  // Before the page is read, so that what commits in between counts as news.
  let { xmin: since } = await epochs.read();
  let found = await read(stage0, request);
  const applied = { 'preference-applied': `wait=${seconds}` };
  if (found.page.json.length > 0) return answerOf(stage0, found, listing, applied);
  const leave = waiters.takeSlot(request.identity.tenant);
  if (leave === undefined) return answerOf(stage0, found, listing, {});
  try {
    const untilMs = performance.now() + seconds * 1_000;
    for (;;) {
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0 || signal.aborted) return answerOf(stage0, found, listing, applied);
      const news = await waiters.next(request.identity, since, Math.min(leftMs, TOKEN_CHECK_MS), signal);
      since = news.since;
      // A token that is revoked or has expired ends the wait.
      if (caller !== undefined) await authenticate(httpRequest, tokens);
      if (!news.isNews) continue;
      const { next } = found.page;
      const after = next === undefined ? request.after : { epoch: found.epoch, position: next };
      found = await read(stage0, { ...request, after });
      if (found.page.json.length > 0) return answerOf(stage0, found, listing, applied);
    }
  } finally {
    leave();
  }
}

/** Faults of the query that a schema cannot express. */
function queryFaults(query: Query): Fault[] {
  const faults: Fault[] = [];
  for (const member of ['since', 'until']) {
    const value = query[member];
    if (typeof value === 'string' && normalizeTimestamp(value) === undefined)
      faults.push({
        pointer: `/${member}`,
        detail: 'must be an RFC 3339 timestamp with at most milliseconds',
      });
  }
  const combinations = REPEATABLE_FILTERS.reduce((product, name) => product * (query[name]?.length ?? 1), 1);
  if (combinations > MAX_COMBINATIONS) {
    const detail = `the numbers of values of repeated filters multiply to ${combinations}; ${MAX_COMBINATIONS} is the most`;
    const name = REPEATABLE_FILTERS.find((one) => (query[one]?.length ?? 0) > 1) ?? '';
    faults.push({ pointer: `/${name}`, detail });
  }
  if (query.from !== undefined && query.cursor !== undefined)
    faults.push({ pointer: '/from', detail: 'cannot go with a cursor, which says where to begin' });
  if (query.after !== undefined && (query.cursor !== undefined || query.from !== undefined))
    faults.push({ pointer: '/after', detail: 'cannot go with cursor or from, which say where to begin' });
  if (query.after !== undefined && query.order !== 'feed')
    faults.push({ pointer: '/after', detail: 'goes with order=feed only' });
  if (query.from !== undefined && query.order !== 'feed')
    faults.push({ pointer: '/from', detail: 'goes with order=feed only' });
  return faults;
}

/** The values in the ledger's form. */
function normalize(given: TimelineFilterValues): TimelineFilterValues {
  const { since, until, parent_id, related_to, ...rest } = given;
  const lower = (ids: readonly string[]) => [...new Set(ids.map((id) => id.toLowerCase()))];
  return {
    ...rest,
    ...(since === undefined ? {} : { since: normalizeTimestamp(since) ?? since }),
    ...(until === undefined ? {} : { until: normalizeTimestamp(until) ?? until }),
    ...(parent_id === undefined ? {} : { parent_id: lower(parent_id) }),
    ...(related_to === undefined ? {} : { related_to: lower(related_to) }),
  };
}

import { type Fault, MalformedError } from '../base/errors';
import type { JsonValue } from '../base/span';
import { parseWith } from '../json/parse-with';
import { normalizeTimestamp } from '../json/timestamp';
import { readLastingTimeline } from '../ledger/lasting-timeline';
import type { TimelineFilter, TimelineOrder } from '../ledger/timeline-filter';
import { jsonText } from './answer';
import { identityOf } from './authenticate';
import type { Handler } from './handlers';
import { queryOf } from './query';
import { withReadShare } from './read-share';
import { validateTimelineQuery } from './validators.generated';

const DEFAULT_LIMIT = 100;

interface TimelineQuery extends TimelineFilter {
  readonly limit?: string;
  readonly cursor?: string;
  readonly order?: TimelineOrder;
}

/** `GET /api/timeline`. */
export const listTimeline: Handler = async (stage0, { request, caller }) => {
  const query = parseWith<TimelineQuery>(validateTimelineQuery, queryOf(request), 'The query');
  const { limit, cursor, order = 'desc', ...given } = query;
  const identity = identityOf(caller);
  const filter = normalize(given);
  // A cursor belongs to one listing of one caller: what it is sealed with is exactly that.
  const listing: JsonValue = { order, filter: { ...filter }, user: identity.user, tenant: identity.tenant };
  const { page, epoch } = await withReadShare(stage0, identity, () =>
    readLastingTimeline(stage0.database, stage0.epochs, {
      identity,
      filter,
      order,
      limit: limit === undefined ? DEFAULT_LIMIT : Number(limit),
      after: cursor === undefined ? undefined : stage0.cursors.open(cursor, listing),
      bounds: { turn: (bytes) => stage0.fairness.turns.take(identity.tenant, bytes) },
    }),
  );
  const next = page.next === undefined ? null : stage0.cursors.seal({ epoch, position: page.next }, listing);
  return jsonText(
    200,
    `{"spans":[${page.json.join(',')}],"count":${page.json.length},` +
      `"has_more":${page.hasMore},"next_cursor":${JSON.stringify(next)}}`,
  );
};

function normalize(given: TimelineFilter): TimelineFilter {
  const faults: Fault[] = [];
  const timestamp = (member: 'since' | 'until') => {
    const value = given[member];
    if (value === undefined) return {};
    const normal = normalizeTimestamp(value);
    if (normal === undefined)
      faults.push({
        pointer: `/${member}`,
        detail: 'must be an RFC 3339 timestamp with at most milliseconds',
      });
    return { [member]: normal ?? value };
  };
  const filter = {
    ...given,
    ...timestamp('since'),
    ...timestamp('until'),
    ...(given.parent_id === undefined ? {} : { parent_id: given.parent_id.toLowerCase() }),
    ...(given.related_to === undefined ? {} : { related_to: given.related_to.toLowerCase() }),
  };
  if (faults.length > 0) throw new MalformedError('The query has a fault; see errors.', { faults });
  return filter;
}

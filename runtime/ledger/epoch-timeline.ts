import { CursorAheadError, RestoreNeededError } from '../base/errors';
import type { Database } from '../db/pool';
import { type FeedEpochs, type FeedState, isAhead, survivingPosition } from './feed-epoch';
import { readTimeline, type TimelinePage, type TimelinePosition, type TimelineRequest } from './timeline';

/** A position with its epoch, which stays valid after a restore. */
export interface EpochPosition {
  readonly epoch: string;
  readonly position: TimelinePosition;
}

/** A request for a page that may continue from a position of an earlier epoch. */
export interface EpochTimelineRequest extends Omit<TimelineRequest, 'after'> {
  readonly after: EpochPosition | undefined;
}

/** A page and the epoch of its positions. */
export interface EpochTimelinePage {
  readonly page: TimelinePage;
  readonly epoch: string;
}

/** More epoch changes than this during one read cannot be restores. */
const MAX_ATTEMPTS = 3;

/**
 * {@link readTimeline} across restores: a position of an earlier epoch continues from the last position of that epoch
 * that survived.
 * @throws RestoreNeededError for a page of the feed while `logline restore` has not run after a restore
 * @throws CursorAheadError for a position that this ledger has not reached, or of an unknown epoch: the database was
 *   restored to a state before it
 */
export async function readTimelineAcrossEpochs(
  database: Database,
  epochs: FeedEpochs,
  request: EpochTimelineRequest,
): Promise<EpochTimelinePage> {
  let state = await epochs.recall();
  if (request.order === 'feed' && state.restoreNeeded) throw new RestoreNeededError();
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    let after = positionIn(state, request.after);
    if (request.after !== undefined && after === undefined) {
      state = await epochs.read();
      after = positionIn(state, request.after);
      if (after === undefined) throw new CursorAheadError();
    }
    const page = await readTimeline(database, { ...request, after });
    // A page has the epoch it was read in. Only an empty one has none, and only then may the position be ahead.
    const isEmptyFeed = page.epoch === undefined && after?.order === 'feed';
    const seen = isEmptyFeed ? await epochs.read() : state;
    const epoch = page.epoch ?? seen.current;
    if (epoch === state.current) {
      if (isEmptyFeed && isAhead(after as FeedPosition, seen)) throw new CursorAheadError();
      return { page, epoch };
    }
    state = epoch === seen.current ? seen : await epochs.read();
  }
  throw new TypeError('the feed changed its epoch at every attempt');
}

type FeedPosition = Extract<TimelinePosition, { readonly order: 'feed' }>;

function positionIn(state: FeedState, after: EpochPosition | undefined): TimelinePosition | undefined {
  return after === undefined ? undefined : survivingPosition(after.position, after.epoch, state.epochs);
}

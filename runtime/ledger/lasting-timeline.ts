import { CursorAheadError, RestoreNeededError } from '../base/errors';
import type { Database } from '../db/pool';
import { type FeedEpochs, type FeedState, isAhead, survivingPosition } from './feed-epoch';
import { readTimeline, type TimelinePage, type TimelinePosition, type TimelineRequest } from './timeline';

/** A position that stays good after a restore. */
export interface LastingPosition {
  readonly epoch: string;
  readonly position: TimelinePosition;
}

/** A request for a page that may go on from a position of an earlier epoch. */
export interface LastingRequest extends Omit<TimelineRequest, 'after'> {
  readonly after: LastingPosition | undefined;
}

/** A page, and the epoch that its positions belong to. */
export interface LastingPage {
  readonly page: TimelinePage;
  readonly epoch: string;
}

/** Another restore within one read of a page is none. */
const MAX_ATTEMPTS = 3;

/**
 * {@link readTimeline} for whoever keeps positions: a position of an epoch before goes on from where that epoch was
 * cut off.
 * @throws RestoreNeededError for a page of the feed while `logline restore` has to run.
 * @throws CursorAheadError for a position that this ledger never reached, or of an epoch it does not know: the
 *   database was set back, and what was read is not there any more.
 */
export async function readLastingTimeline(
  database: Database,
  epochs: FeedEpochs,
  request: LastingRequest,
): Promise<LastingPage> {
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
    // The page tells the epoch it was read in; an empty one tells nothing, and only then can the server lie behind.
    const isEmptyFeed = page.epoch === undefined && after?.order === 'feed';
    const seen = isEmptyFeed ? await epochs.read() : state;
    const epoch = page.epoch ?? seen.current;
    if (epoch === state.current) {
      if (isEmptyFeed && isAhead(after as FeedPosition, seen)) throw new CursorAheadError();
      return { page, epoch };
    }
    state = epoch === seen.current ? seen : await epochs.read();
  }
  throw new TypeError('the feed changes its epoch at every look');
}

type FeedPosition = Extract<TimelinePosition, { readonly order: 'feed' }>;

function positionIn(state: FeedState, after: LastingPosition | undefined): TimelinePosition | undefined {
  return after === undefined ? undefined : survivingPosition(after.position, after.epoch, state.epochs);
}

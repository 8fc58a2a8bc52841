import type { Database } from '../db/pool';
import type { EpochPosition } from '../ledger/epoch-timeline';
import type { TimelinePosition } from '../ledger/timeline-request';
import type { Stage0 } from './stage0';

/** Says what the caller has seen: an `x-logline-position` of an earlier answer. */
const AT_LEAST_HEADER = 'x-logline-at-least';

/**
 * Runs a read on the reader, when there is one and it has what the caller has seen: its own writes, by
 * `x-logline-at-least`, and the pages before.
 * @param after where a page begins
 */
export async function withReadDatabase<T>(
  stage0: Stage0,
  request: Request,
  after: EpochPosition | undefined,
  work: (database: Database, isReplica: boolean) => Promise<T>,
): Promise<T> {
  const { reader, database } = stage0;
  if (reader === undefined) return work(database, false);
  const seen = [await atLeast(stage0, request), after === undefined ? 0n : newestIn(after.position)];
  const newest = seen.reduce((most, one) => (one > most ? one : most), 0n);
  return reader.run(database, newest === 0n ? undefined : newest, work);
}

/** The transaction of the header; 0 without it, if it is not valid here, or if it is from before a restore. */
async function atLeast({ cursors, epochs }: Stage0, request: Request): Promise<bigint> {
  const header = request.headers.get(AT_LEAST_HEADER);
  const position = header === null ? undefined : cursors.openPosition(header);
  if (position === undefined) return 0n;
  return position.epoch === (await epochs.recall()).current ? BigInt(position.txId) : 0n;
}

/** The newest transaction that a reader must have to continue after a position. */
function newestIn(position: TimelinePosition): bigint {
  if (position.order === 'feed') return BigInt(position.txId);
  const [, end = '0'] = position.snapshot.split(':');
  return BigInt(end) - 1n;
}

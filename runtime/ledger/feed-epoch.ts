import { RestoreNeededError } from '../base/errors';
import { NOBODY } from '../base/identity';
import type { Database } from '../db/pool';
import { runStatement } from '../db/query-as';
import type { TimelinePosition } from './timeline';

/** A place in the feed: the transaction that wrote a span, and its number. Both are decimal texts. */
export interface FeedPlace {
  readonly txId: string;
  readonly ordinal: string;
}

/** A stretch of the feed between two restores. */
export interface FeedEpoch {
  readonly epoch: string;
  /** The last place of the epoch before that is still there; undefined for the first epoch. */
  readonly survived: FeedPlace | undefined;
}

/** The feed at one moment. */
export interface FeedState {
  /** Every epoch, oldest first. */
  readonly epochs: readonly FeedEpoch[];
  /** The epoch of what is written now. */
  readonly current: string;
  /** All spans of smaller transaction ids are there for good. */
  readonly xmin: bigint;
  /** No transaction has had this id or a greater one. */
  readonly xmax: bigint;
  /** The database was put back, and `logline restore` has not run yet: nobody may follow the feed. */
  readonly restoreNeeded: boolean;
  /** Stored transaction ids lie in the future of the server: what is appended now would be behind every cursor. */
  readonly isAhead: boolean;
}

/** How old what is remembered may get before it is read again. */
const REMEMBER_MS = 5_000;

/**
 * The epochs of the feed. They change by `logline restore` only, so they are remembered, and read again behind the
 * answer once they are 5 s old; whoever cannot live with that asks {@link FeedEpochs.read}.
 */
export class FeedEpochs {
  readonly #database: Database;
  #known: FeedState | undefined;
  #readAtMs = 0;
  #reading: Promise<FeedState> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** What is remembered; xmin and xmax may be long past. @throws UnavailableError. */
  async recall(): Promise<FeedState> {
    if (this.#known === undefined) return this.read();
    if (Date.now() - this.#readAtMs >= REMEMBER_MS) {
      this.#readAtMs = Date.now();
      // Whoever needs the answer sees the failure; the next recall tries again.
      this.read().catch(() => undefined);
    }
    return this.#known;
  }

  /** The feed as it is now; callers of the same moment share one look. @throws UnavailableError. */
  read(): Promise<FeedState> {
    this.#reading ??= this.#look().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** @throws RestoreNeededError while what is appended would be behind every cursor. */
  async requireAppendable(): Promise<void> {
    if ((await this.recall()).isAhead) throw new RestoreNeededError();
  }

  async #look(): Promise<FeedState> {
    const rows = await runStatement(this.#database, NOBODY, 'feed_state', []);
    const last = rows.at(-1);
    if (last === undefined) throw new TypeError('the feed has no epoch');
    const epochs = rows.map(({ epoch, survived_tx_id: txId, survived_ordinal: ordinal }) => ({
      epoch,
      survived: txId === null || ordinal === null ? undefined : { txId, ordinal },
    }));
    this.#known = {
      epochs,
      current: last.epoch,
      xmin: BigInt(last.xmin),
      xmax: BigInt(last.xmax),
      restoreNeeded: last.restore_needed,
      isAhead: last.is_ahead,
    };
    this.#readAtMs = Date.now();
    return this.#known;
  }
}

/**
 * What a position of `epoch` is in the current one: itself, or where it was cut off by a restore.
 * @returns undefined when no such epoch is known.
 */
export function survivingPosition(
  position: TimelinePosition,
  epoch: string,
  epochs: readonly FeedEpoch[],
): TimelinePosition | undefined {
  const own = epochs.findIndex((one) => one.epoch === epoch);
  if (own === -1) return undefined;
  const cuts = epochs.slice(own + 1).flatMap(({ survived }) => survived ?? []);
  return cuts.reduce(cutAt, position);
}

function cutAt(position: TimelinePosition, survived: FeedPlace): TimelinePosition {
  if (position.order !== 'feed')
    return { ...position, snapshot: snapshotUpTo(position.snapshot, BigInt(survived.txId)) };
  return isBehind(position, survived) ? position : { ...position, ...survived };
}

function isBehind(place: FeedPlace, other: FeedPlace): boolean {
  const [one, two] = [BigInt(place.txId), BigInt(other.txId)];
  return one === two ? BigInt(place.ordinal) <= BigInt(other.ordinal) : one < two;
}

/** A snapshot (`xmin:xmax:xip,…`) that sees of what it saw only transactions up to `last`. */
function snapshotUpTo(snapshot: string, last: bigint): string {
  const [xmin = '', xmax = '', open = ''] = snapshot.split(':');
  const end = last + 1n;
  if (BigInt(xmax) <= end) return snapshot;
  const running = open.split(',').filter((id) => id !== '' && BigInt(id) < end);
  const start = BigInt(xmin) < end ? xmin : String(end);
  return `${start}:${end}:${running.join(',')}`;
}

/** Whether the server has never got as far as this place. */
export function isAhead(place: FeedPlace, { xmax }: FeedState): boolean {
  return BigInt(place.txId) >= xmax;
}

import { isYounger } from '../base/age';
import { RestoreNeededError } from '../base/errors';
import { NOBODY } from '../base/identity';
import type { Database } from '../db/pool';
import { runStatement } from '../db/query-as';
import type { TimelinePosition } from './timeline';

/** A position in the feed: the id of the transaction that wrote a span, and the span's ordinal, as decimal texts. */
export interface FeedPosition {
  readonly txId: string;
  readonly ordinal: string;
}

/** The part of the feed between two restores. */
export interface FeedEpoch {
  readonly epoch: string;
  /** The last position of the previous epoch that survived the restore; undefined for the first epoch. */
  readonly survived: FeedPosition | undefined;
}

/** The state of the feed when it was read. */
export interface FeedState {
  /** Every epoch, oldest first. */
  readonly epochs: readonly FeedEpoch[];
  /** The epoch of new spans. */
  readonly current: string;
  /** All transactions with smaller ids have ended. */
  readonly xmin: bigint;
  /** No transaction with this id or a greater one has ended. */
  readonly xmax: bigint;
  /** The database was restored and `logline restore` has not run yet: the feed must not be read. */
  readonly restoreNeeded: boolean;
  /** Stored transaction ids exceed the server's counter: new spans would be ordered before every existing cursor. */
  readonly isAhead: boolean;
}

/** Age at which the cached state is refreshed. */
const CACHE_MS = 5_000;

/**
 * The epochs of the feed. Only `logline restore` changes them, so they are cached, and refreshed in the background once
 * they are 5 s old; {@link FeedEpochs.read} reads the current state.
 */
export class FeedEpochs {
  readonly #database: Database;
  #known: FeedState | undefined;
  #readAtMs = 0;
  #reading: Promise<FeedState> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The cached state, read if there is none; its xmin and xmax may be old. @throws UnavailableError */
  async recall(): Promise<FeedState> {
    if (this.#known === undefined) return this.read();
    if (!isYounger(this.#readAtMs, CACHE_MS)) {
      this.#readAtMs = Date.now();
      // A failed refresh is retried after another CACHE_MS.
      this.read().catch(() => undefined);
    }
    return this.#known;
  }

  /** Reads the current state; concurrent callers share one query. @throws UnavailableError */
  read(): Promise<FeedState> {
    this.#reading ??= this.#query().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** @throws RestoreNeededError while new spans would be ordered before existing cursors */
  async requireAppendable(): Promise<void> {
    if ((await this.recall()).isAhead) throw new RestoreNeededError();
  }

  async #query(): Promise<FeedState> {
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
 * Translates a position of `epoch` to the current one: unchanged, or the last surviving position if a restore removed it.
 * @returns undefined when the epoch is unknown
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

function cutAt(position: TimelinePosition, survived: FeedPosition): TimelinePosition {
  if (position.order !== 'feed')
    return { ...position, snapshot: snapshotUpTo(position.snapshot, BigInt(survived.txId)) };
  return isUpTo(position, survived) ? position : { ...position, ...survived };
}

function isUpTo(position: FeedPosition, other: FeedPosition): boolean {
  const [one, two] = [BigInt(position.txId), BigInt(other.txId)];
  return one === two ? BigInt(position.ordinal) <= BigInt(other.ordinal) : one < two;
}

/** A snapshot (`xmin:xmax:xip,…`) restricted to transactions up to `last`. */
function snapshotUpTo(snapshot: string, last: bigint): string {
  const [xmin = '', xmax = '', open = ''] = snapshot.split(':');
  const end = last + 1n;
  if (BigInt(xmax) <= end) return snapshot;
  const running = open.split(',').filter((id) => id !== '' && BigInt(id) < end);
  const start = BigInt(xmin) < end ? xmin : String(end);
  return `${start}:${end}:${running.join(',')}`;
}

/** Whether a position has a transaction id that the server has not reached yet. */
export function isAhead(position: FeedPosition, { xmax }: FeedState): boolean {
  return BigInt(position.txId) >= xmax;
}

import type { PoolClient } from 'pg';
import { asLogLineError, isConnectionLost } from '../db/database-error';
import type { Database } from '../db/pool';
import { namedInstance } from './checkpoint';
import type { CheckpointKeys } from './checkpoint-keys';
import { type GuardRecord, type GuardStore, judge } from './rollback-guard';
import { type BatchWrite, type FeedRow, SealStore } from './seal-store';
import { type BatchTools, makeBatch } from './sealed-batch';

/** The steps of a batch, in order; failpoints of tests. */
export type SealStep = 'locked' | 'read' | 'hashed' | 'guarded' | 'written' | 'committed';

export interface SealerOptions {
  /** As role `logline_sealer`. */
  readonly database: Database;
  /** Called for each batch, so that a rotation takes effect with the next one. */
  readonly keys: () => CheckpointKeys;
  /** What origins begin with; see {@link storedInstance}. */
  readonly instance: string;
  readonly guard: GuardStore;
  /** Most spans of one batch. Defaults to 2,000. */
  readonly batchSize?: number;
  /** Told at each step. */
  readonly onStep?: (step: SealStep) => Promise<void> | void;
}

/**
 * How a batch ended. `restore_needed`: the database is older than what was signed, so nothing is signed until
 * `logline restore`. `busy`: another sealer has the lock.
 */
export type SealOutcome =
  | { readonly outcome: 'sealed'; readonly spans: number; readonly isMore: boolean }
  | { readonly outcome: 'nothing' | 'busy' | 'restore_needed' };

const BATCH_SIZE = 2_000;

/**
 * Gives every committed span its position in the log of its tenant. One batch has spans of all tenants, in feed order. Any
 * number of sealers may run: a lock lets one seal at a time.
 */
export class Sealer {
  readonly #options: SealerOptions;

  constructor(options: SealerOptions) {
    this.#options = options;
  }

  /**
   * Seals the next spans.
   * @throws LogLineError when the database does not answer
   */
  async sealBatch(): Promise<SealOutcome> {
    const client = await this.#options.database.connect().catch((error) => {
      throw asLogLineError(error);
    });
    let failure: unknown;
    try {
      await client.query('BEGIN');
      const outcome = await this.#sealWithin(new SealStore(client), client);
      if (outcome.outcome === 'restore_needed' || outcome.outcome === 'nothing') {
        await new SealStore(client).setRestoreNeeded(outcome.outcome === 'restore_needed');
        await client.query('COMMIT');
      } else if (outcome.outcome !== 'sealed') await client.query('ROLLBACK');
      return outcome;
    } catch (error) {
      failure = error;
      await client.query('ROLLBACK').catch(() => undefined);
      throw asLogLineError(error);
    } finally {
      client.release(failure !== undefined && isConnectionLost(failure));
    }
  }

  async #sealWithin(store: SealStore, client: PoolClient): Promise<SealOutcome> {
    const { guard, batchSize = BATCH_SIZE, onStep } = this.#options;
    if (!(await store.lock())) return { outcome: 'busy' };
    await onStep?.('locked');
    const { record, epochs, logName } = await store.cursor();
    const instance = namedInstance(this.#options.instance, logName);
    const announced = await guard.read();
    const verdict = judge(record, announced, epochs);
    if (verdict === 'behind') return { outcome: 'restore_needed' };
    const batch =
      verdict === 'finish' && announced !== undefined
        ? await this.#announcedBatch(store, record, instance, announced)
        : await this.#nextBatch(store, record, instance, batchSize);
    if (batch === 'restore_needed') return { outcome: 'restore_needed' };
    if (batch === undefined) return { outcome: 'nothing' };
    await onStep?.('hashed');
    // Before the commit, so that the guard knows every checkpoint that can be read.
    if (verdict !== 'finish' && !(await guard.swap(announced, batch.after))) return { outcome: 'busy' };
    await onStep?.('guarded');
    if (!(await store.write(batch))) return { outcome: 'busy' };
    await onStep?.('written');
    await client.query('COMMIT');
    await onStep?.('committed');
    const spans = batch.entries.length;
    return { outcome: 'sealed', spans, isMore: spans + batch.aside.length >= batchSize };
  }

  async #nextBatch(
    store: SealStore,
    before: GuardRecord,
    instance: string,
    batchSize: number,
  ): Promise<BatchWrite | undefined> {
    const aside = await store.aside(batchSize);
    const rows = aside.length > 0 ? aside : await store.feed(before, batchSize);
    await this.#options.onStep?.('read');
    return rows.length === 0
      ? undefined
      : this.#make(store, before, rows, { instance, isAside: aside.length > 0, ignoresStops: false });
  }

  /**
   * Seals the batch that the guard announced and the database lacks. Its checkpoints may have been published, so it must
   * have the same roots; if that is not possible, the database has lost spans.
   */
  async #announcedBatch(
    store: SealStore,
    before: GuardRecord,
    instance: string,
    announced: GuardRecord,
  ): Promise<BatchWrite | 'restore_needed'> {
    const isAside = before.tx_id === announced.tx_id && before.ordinal === announced.ordinal;
    const most = this.#options.batchSize ?? BATCH_SIZE;
    const rows = isAside ? await store.aside(most) : await store.feed(before, 2 * BATCH_SIZE, announced);
    await this.#options.onStep?.('read');
    for (const ignoresStops of [false, true]) {
      const batch = await this.#make(store, before, rows, { instance, isAside, ignoresStops });
      const { tx_id, ordinal, digest } = batch.after;
      if (tx_id === announced.tx_id && ordinal === announced.ordinal && digest === announced.digest)
        return batch;
    }
    return 'restore_needed';
  }

  #make(
    store: SealStore,
    before: GuardRecord,
    rows: readonly FeedRow[],
    { isAside, ...rest }: Pick<BatchTools, 'instance' | 'ignoresStops'> & { readonly isAside: boolean },
  ): Promise<BatchWrite> {
    return makeBatch(before, rows, isAside, { store, keys: this.#options.keys(), ...rest });
  }
}

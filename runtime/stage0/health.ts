import { isYounger } from '../base/age';
import { UnavailableError } from '../base/errors';
import { NOBODY } from '../base/identity';
import { LATEST_MIGRATION } from '../db/latest-migration.generated';
import type { Database } from '../db/pool';
import { runStatement } from '../db/query-as';
import { FeedHold } from '../ledger/feed-hold';

/**
 * Codes of a degraded ledger. `writes_failing`: the last append failed within 60 s, not by its caller's fault.
 * `ticks_late`: a scheduled job missed several ticks. `feed_held_back`: a transaction is open for so long that subscribers
 * see nothing new. `restore_needed`: the database was restored, and `logline restore` has to run. `proofs_stopped`: the
 * audit found a span that differs from its log, and that tenant is not sealed any more.
 */
export const HEALTH_CODES = [
  'writes_failing',
  'ticks_late',
  'feed_held_back',
  'restore_needed',
  'proofs_stopped',
] as const;

/** One of {@link HEALTH_CODES}. */
export type HealthCode = (typeof HEALTH_CODES)[number];

/** A job that health checks for missed ticks. */
export interface ExpectedTick {
  readonly job: string;
  /** Age of the last start after which the job is late. */
  readonly toleratedAgeS: number;
}

export interface HealthOptions {
  readonly database: Database;
  /** When the last append failed; undefined when the last one succeeded. */
  readonly writesFailedAtMs: () => number | undefined;
  /** Jobs that some process of this ledger runs. Defaults to none. */
  readonly ticks?: readonly ExpectedTick[];
  /** Codes that other parts have found. Defaults to none. */
  readonly found?: () => readonly HealthCode[];
  /** Whether kernels are booted. Defaults to true: those of AWS boot with each event. */
  readonly isReady?: () => boolean;
  /** Milliseconds since 1970. Defaults to the clock. */
  readonly nowMs?: () => number;
}

export interface HealthReport {
  readonly status: 'ok' | 'degraded';
  readonly codes: readonly HealthCode[];
  readonly migration: string;
}

const WRITE_FAILURE_MS = 60_000;

/** Whether the ledger is well. */
export class Health {
  readonly #options: HealthOptions;
  readonly #nowMs: () => number;
  readonly #feed: FeedHold;
  #reporting: Promise<HealthReport> | undefined;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#feed = new FeedHold(this.#nowMs);
  }

  /**
   * Anybody may ask, so callers at the same time share one look at the database.
   * @throws UnavailableError when the database does not answer or lacks a migration
   */
  report(): Promise<HealthReport> {
    this.#reporting ??= this.#look().finally(() => {
      this.#reporting = undefined;
    });
    return this.#reporting;
  }

  async #look(): Promise<HealthReport> {
    const { database, found } = this.#options;
    const [row] = await runStatement(database, NOBODY, 'health', [LATEST_MIGRATION], 'probe');
    if (row === undefined) {
      throw new UnavailableError('The database is not migrated yet; run the migrations.', {
        retryAfterSeconds: 5,
      });
    }
    const codes: HealthCode[] = [...(found?.() ?? [])];
    if (row.restore_needed && !codes.includes('restore_needed')) codes.push('restore_needed');
    const [sealing] = await runStatement(database, NOBODY, 'sealing_trouble', [], 'probe');
    if (sealing?.restore_needed === true && !codes.includes('restore_needed')) codes.push('restore_needed');
    if (sealing?.is_stopped === true) codes.push('proofs_stopped');
    if (this.#areWritesFailing()) codes.push('writes_failing');
    if (await this.#areTicksLate()) codes.push('ticks_late');
    if (this.#feed.isHeldBack(BigInt(row.xmin), BigInt(row.xmax))) codes.push('feed_held_back');
    return { status: codes.length === 0 ? 'ok' : 'degraded', codes, migration: row.name };
  }

  /** @throws UnavailableError until kernels are booted. */
  requireReady(): void {
    if (this.#options.isReady?.() ?? true) return;
    throw new UnavailableError('The kernels are booting; try again in a moment.', { retryAfterSeconds: 1 });
  }

  #areWritesFailing(): boolean {
    const failedAtMs = this.#options.writesFailedAtMs();
    return failedAtMs !== undefined && isYounger(failedAtMs, WRITE_FAILURE_MS, this.#nowMs());
  }

  async #areTicksLate(): Promise<boolean> {
    const { database, ticks = [] } = this.#options;
    if (ticks.length === 0) return false;
    const runs = await runStatement(database, NOBODY, 'job_runs', [], 'probe');
    return ticks.some(({ job, toleratedAgeS }) => {
      const run = runs.find((one) => one.job === job);
      // A start that lies as far ahead says as little of the last minutes: the clock was set back.
      return run !== undefined && Math.abs(Number(run.age_s)) > toleratedAgeS;
    });
  }
}

import { RestoreNeededError } from '../base/errors';
import { NOBODY } from '../base/identity';
import type { JsonValue } from '../base/span';
import type { Database } from '../db/pool';
import { runStatement } from '../db/query-as';
import { describeError, type Logger } from '../log/logger';
import { createMetrics, type Metrics } from '../log/metrics';
import type { KernelHost } from './kernel-host';
import { prune } from './prune';
import type { ScheduledJob } from './schedule';

/** A run that does not renew its lease for this long counts as dead, and the next may start. */
const LEASE_SECONDS = 30;
const RENEW_MS = 8_000;

export interface JobRunnerOptions {
  /** As `logline_kernel`. */
  readonly kernelDatabase: Database;
  readonly host: Pick<KernelHost, 'run'>;
  readonly logger: Logger;
  /** How long an Idempotency-Key is remembered. Defaults to 30. */
  readonly idempotencyDays?: number;
  readonly timeoutMs?: number;
  /** How often a run renews its lease, in milliseconds. Defaults to 8,000. */
  readonly renewMs?: number;
  readonly signal?: AbortSignal;
  /** Defaults to the log in a Lambda, and to nowhere elsewhere. */
  readonly metrics?: Metrics;
}

/** How one tick ended. `busy`: the previous run has not ended, here or in another process. */
export type JobOutcome =
  | { readonly outcome: 'ok'; readonly result: JsonValue }
  | { readonly outcome: 'error'; readonly message: string }
  | { readonly outcome: 'busy' };

/**
 * Runs a scheduled job once, unless its previous run has not ended: a lease in `app.job_run`, which expires when its
 * process dies, ensures a single run anywhere. A shared job needs no lease. A failure is logged and recorded in
 * `app.job_run`, not thrown, so that one bad tick does not stop the next.
 */
export async function runJob(
  options: JobRunnerOptions,
  { job, kernel, isShared = false }: ScheduledJob,
  event: JsonValue,
): Promise<JobOutcome> {
  const { kernelDatabase, host, logger, metrics = createMetrics() } = options;
  const startedMs = performance.now();
  const record = isShared
    ? new SharedRun(kernelDatabase, job)
    : new SingleRun(kernelDatabase, job, options.renewMs ?? RENEW_MS);
  try {
    if (!(await record.begin())) return { outcome: 'busy' };
    const [state] = await runStatement(kernelDatabase, NOBODY, 'restore_needed', []);
    if (state?.restore_needed === true) throw new RestoreNeededError();
    const signals = [options.signal, record.lost].filter((signal) => signal !== undefined);
    const result = (await host.run(kernel, event, {
      ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
      signal: AbortSignal.any(signals),
      ...(record.lease === undefined ? {} : { lease: { job, id: record.lease } }),
    })) as JsonValue;
    if (job === 'midnight_ruler') logger.info({ function: job, rows: await prune(options) }, 'pruned');
    await record.end('ok', result);
    const durationMs = Math.round(performance.now() - startedMs);
    logger.info({ function: job, outcome: 'ok', duration_ms: durationMs, result }, 'tick');
    measure(metrics, job, durationMs, false);
    return { outcome: 'ok', result };
  } catch (error) {
    const durationMs = Math.round(performance.now() - startedMs);
    logger.error({ function: job, outcome: 'error', duration_ms: durationMs, err: error }, 'tick');
    measure(metrics, job, durationMs, true);
    const described = describeError(error);
    await record
      .end('error', JSON.parse(JSON.stringify({ name: 'name' in described ? described.name : 'Error' })))
      .catch(() => undefined);
    return { outcome: 'error', message: error instanceof Error ? error.message : String(error) };
  }
}

/** Puts the error metric only when there are errors: a metric costs for every hour in which it gets a value. */
function measure(metrics: Metrics, job: string, durationMs: number, isError: boolean): void {
  metrics.put({
    dimensions: { Job: job },
    metrics: [
      { name: 'TickDuration', unit: 'Milliseconds', value: durationMs },
      ...(isError ? [{ name: 'TickErrors', unit: 'Count', value: 1 } as const] : []),
    ],
  });
}

/** The record of one run in `app.job_run`. */
interface RunRecord {
  /** Aborts when another run may have begun. */
  readonly lost: AbortSignal | undefined;
  /** Of a run that has begun, where only one may. */
  readonly lease: string | undefined;
  /** @returns whether this run may go on */
  begin(): Promise<boolean>;
  end(outcome: 'ok' | 'error', detail: JsonValue): Promise<void>;
}

class SharedRun implements RunRecord {
  readonly lost = undefined;
  readonly lease = undefined;
  readonly #database: Database;
  readonly #job: string;

  constructor(database: Database, job: string) {
    this.#database = database;
    this.#job = job;
  }

  async begin(): Promise<boolean> {
    await runStatement(this.#database, NOBODY, 'note_job', [this.#job, null, null], 'write');
    return true;
  }

  async end(outcome: 'ok' | 'error', detail: JsonValue): Promise<void> {
    await runStatement(
      this.#database,
      NOBODY,
      'note_job',
      [this.#job, outcome, JSON.stringify(detail)],
      'write',
    );
  }
}

/** Renews the job's lease from the start to the end of a run. */
class SingleRun implements RunRecord {
  readonly #lost = new AbortController();
  readonly #database: Database;
  readonly #job: string;
  readonly #renewMs: number;
  #lease: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(database: Database, job: string, renewMs: number) {
    this.#database = database;
    this.#job = job;
    this.#renewMs = renewMs;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get lease(): string | undefined {
    return this.#lease;
  }

  async begin(): Promise<boolean> {
    const [row] = await runStatement(
      this.#database,
      NOBODY,
      'begin_job',
      [this.#job, LEASE_SECONDS],
      'write',
    );
    this.#lease = row?.lease_id ?? undefined;
    if (this.#lease === undefined) return false;
    this.#timer = setInterval(() => void this.#renew(), this.#renewMs);
    this.#timer.unref();
    return true;
  }

  async end(outcome: 'ok' | 'error', detail: JsonValue): Promise<void> {
    clearInterval(this.#timer);
    if (this.#lease === undefined) return;
    const values = [this.#job, this.#lease, outcome, JSON.stringify(detail)] as const;
    await runStatement(this.#database, NOBODY, 'end_job', [...values], 'write');
  }

  /** Renews the lease; aborts the run when it is lost. If the database does not answer, the next renewal may succeed. */
  async #renew(): Promise<void> {
    const values = [this.#job, this.#lease ?? '', LEASE_SECONDS] as const;
    const rows = await runStatement(this.#database, NOBODY, 'renew_job', [...values], 'write').catch(
      () => undefined,
    );
    if (rows?.[0]?.is_held === false) this.#lost.abort();
  }
}

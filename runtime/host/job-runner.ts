import { NOBODY } from '../base/identity';
import type { JsonValue } from '../base/span';
import type { Database } from '../db/pool';
import { runStatement } from '../db/query-as';
import { describeError, type Logger } from '../log/logger';
import { createMetrics, type Metrics } from '../log/metrics';
import type { KernelHost } from './kernel-host';
import type { ScheduledJob } from './schedule';

/** First half of the advisory lock's key; the second is the job. */
const JOB_LOCK = 4_207_849;

export interface JobRunnerOptions {
  readonly database: Database;
  readonly host: Pick<KernelHost, 'run'>;
  readonly logger: Logger;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Defaults to the log in a Lambda, and to nowhere elsewhere. */
  readonly metrics?: Metrics;
}

/** How one tick ended. `busy`: the last run is still going, here or in another process. */
export type JobOutcome =
  | { readonly outcome: 'ok'; readonly result: JsonValue }
  | { readonly outcome: 'error'; readonly message: string }
  | { readonly outcome: 'busy' };

/**
 * Runs a scheduled job once, unless its last run is still going anywhere: a session's advisory lock is the
 * single flight, and it goes with the connection of a process that dies. A failure is logged and noted in
 * `app.job_run`; it never reaches the caller, so that one bad tick does not stop the next.
 */
export async function runJob(
  options: JobRunnerOptions,
  { job, kernel }: ScheduledJob,
  event: JsonValue,
): Promise<JobOutcome> {
  const { database, host, logger, metrics = createMetrics() } = options;
  const started = Date.now();
  try {
    return await underLock(database, job, async () => {
      await noteStart(database, job);
      const result = (await host.run(kernel, event, {
        ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      })) as JsonValue;
      await noteEnd(database, job, 'ok', result);
      const durationMs = Date.now() - started;
      logger.info({ function: job, outcome: 'ok', duration_ms: durationMs, result }, 'tick');
      measure(metrics, job, durationMs, false);
      return { outcome: 'ok', result };
    });
  } catch (error) {
    const durationMs = Date.now() - started;
    logger.error({ function: job, outcome: 'error', duration_ms: durationMs, err: error }, 'tick');
    measure(metrics, job, durationMs, true);
    const described = describeError(error);
    await noteEnd(
      database,
      job,
      'error',
      JSON.parse(JSON.stringify({ name: 'name' in described ? described.name : 'Error' })),
    ).catch(() => undefined);
    return { outcome: 'error', message: error instanceof Error ? error.message : String(error) };
  }
}

/** Errors only when there are some: a metric costs for every hour in which it gets a value. */
function measure(metrics: Metrics, job: string, durationMs: number, isError: boolean): void {
  metrics.put({
    dimensions: { Job: job },
    metrics: [
      { name: 'TickDuration', unit: 'Milliseconds', value: durationMs },
      ...(isError ? [{ name: 'TickErrors', unit: 'Count', value: 1 } as const] : []),
    ],
  });
}

async function underLock(
  database: Database,
  job: string,
  work: () => Promise<JobOutcome>,
): Promise<JobOutcome> {
  const client = await database.connect();
  try {
    const { rows } = await client.query<{ locked: boolean }>(
      'SELECT pg_try_advisory_lock($1, hashtext($2)) AS locked',
      [JOB_LOCK, job],
    );
    if (rows[0]?.locked !== true) return { outcome: 'busy' };
    try {
      return await work();
    } finally {
      await client
        .query('SELECT pg_advisory_unlock($1, hashtext($2))', [JOB_LOCK, job])
        .catch(() => undefined);
    }
  } finally {
    // Closed rather than given back: a lock that could not be released must not live on in the pool.
    client.release(true);
  }
}

async function noteStart(database: Database, job: string): Promise<void> {
  await runStatement(database, NOBODY, 'job_started', [job], 'write');
}

async function noteEnd(
  database: Database,
  job: string,
  outcome: 'ok' | 'error',
  detail: JsonValue,
): Promise<void> {
  await runStatement(database, NOBODY, 'job_ended', [job, outcome, JSON.stringify(detail)], 'write');
}

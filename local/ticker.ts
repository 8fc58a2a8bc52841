import type { JsonValue } from '../runtime/base/span';
import type { Database } from '../runtime/db/pool';
import { runJob } from '../runtime/host/job-runner';
import type { KernelHost } from '../runtime/host/kernel-host';
import { SCHEDULE, type ScheduledJob } from '../runtime/host/schedule';
import { dueTimes } from '../runtime/host/schedule-expression';
import type { Logger } from '../runtime/log/logger';

/** Starts the scheduled kernels of a local run, on the cadences of `runtime/host/schedule.ts`. */
export interface Ticker {
  /** Starts no more ticks and waits for running ones. */
  stop(): Promise<void>;
}

/** Options of {@link startTicker}. */
export interface TickerOptions {
  /** Connection as role `logline_kernel`. */
  readonly kernelDatabase: Database;
  readonly host: KernelHost;
  readonly logger: Logger;
  /** Days that an Idempotency-Key is remembered. Defaults to 30. */
  readonly idempotencyDays?: number;
  /** Defaults to the product's schedule. */
  readonly schedule?: readonly ScheduledJob[];
}

/** Interval in milliseconds at which a daily job checks the clock, which bounds its delay after the machine slept. */
const DAILY_LOOK_MS = 30_000;
const TWO_DAYS_MS = 2 * 24 * 3_600_000;

/** Ticks every job at once and then on its cadence; a failed tick is logged. */
export async function startTicker(options: TickerOptions): Promise<Ticker> {
  const stopping = new AbortController();
  const jobs = (options.schedule ?? SCHEDULE).map((job) => new JobLoop(options, job, stopping.signal));
  const worker = jobs.find(({ name }) => name === 'request_worker');
  for (const job of jobs) {
    job.start((result) => {
      // Wakes the worker for requests of the observer, ahead of its own tick.
      if (job.name === 'observer_bot' && requestedIn(result) > 0) worker?.soon();
    });
  }
  return {
    async stop() {
      stopping.abort();
      await Promise.all(jobs.map((job) => job.stopped()));
    },
  };
}

class JobLoop {
  readonly #options: TickerOptions;
  readonly #job: ScheduledJob;
  readonly #signal: AbortSignal;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isRunning = false;
  #again = false;
  #lastDaily: string | undefined;
  #onResult: (result: JsonValue) => void = () => undefined;

  constructor(options: TickerOptions, job: ScheduledJob, signal: AbortSignal) {
    this.#options = options;
    this.#job = job;
    this.#signal = signal;
  }

  get name(): ScheduledJob['job'] {
    return this.#job.job;
  }

  start(onResult: (result: JsonValue) => void): void {
    this.#onResult = onResult;
    const { cadence } = this.#job;
    const everyMs = cadence.kind === 'interval' ? cadence.everySeconds * 1000 : DAILY_LOOK_MS;
    this.#timer = setInterval(() => this.soon(), everyMs);
    this.soon();
  }

  /** Ticks now, or again after the running tick. */
  soon(): void {
    if (this.#signal.aborted) return;
    if (this.#isRunning) {
      this.#again = true;
      return;
    }
    this.#isRunning = true;
    this.#running = this.#tick().finally(() => {
      this.#isRunning = false;
      if (!this.#again) return;
      this.#again = false;
      this.soon();
    });
  }

  async stopped(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #tick(): Promise<void> {
    const event = this.#event();
    if (event === undefined) return;
    const outcome = await runJob({ ...this.#options, signal: this.#signal }, this.#job, event);
    if (outcome.outcome !== 'ok') return;
    this.#onResult(outcome.result);
    this.#lastDaily = scheduledFor(event);
  }

  /** Event for the kernel; undefined when nothing is due. */
  #event(): JsonValue | undefined {
    const { cadence, job } = this.#job;
    if (cadence.kind === 'interval') return { trigger: 'schedule' };
    const latest = latestDaily(cadence.at, cadence.timezone);
    // Also after a start, which catches up a missed night.
    return latest === undefined || latest === this.#lastDaily
      ? undefined
      : { trigger: job, scheduled_for: latest };
  }
}

function latestDaily(at: string, timezone: string): string | undefined {
  const [hour, minute] = at.split(':').map(Number);
  const now = Date.now();
  const expression = `cron(${minute} ${hour} * * ? *)`;
  const anchor = new Date(now - TWO_DAYS_MS).toISOString();
  return dueTimes(expression, timezone, anchor, anchor, new Date(now).toISOString()).at(-1);
}

function scheduledFor(event: JsonValue): string | undefined {
  return typeof event === 'object' &&
    event !== null &&
    'scheduled_for' in event &&
    typeof event.scheduled_for === 'string'
    ? event.scheduled_for
    : undefined;
}

function requestedIn(result: JsonValue): number {
  return typeof result === 'object' &&
    result !== null &&
    'requested' in result &&
    typeof result.requested === 'number'
    ? result.requested
    : 0;
}

import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { DatabaseOptions } from '../runtime/db/database-options';
import { Database } from '../runtime/db/pool';
import type { SeenRequest } from '../runtime/stage0/stage0';
import type { SandboxEnd } from './kernel-messages';

/** Options of {@link createLedgerMetrics}. */
export interface LedgerMetricsOptions {
  /** Returns Stage-0's pool. */
  readonly pool: () => Database | undefined;
  /** Connection as role `logline_auditor`, which sees all tenants' work. */
  readonly auditor: DatabaseOptions;
}

/** Metrics of a local run. No label names a tenant or a user. */
export interface LedgerMetrics {
  observe(seen: SeenRequest): void;
  /** A commit that `batches` appends shared. */
  readonly committed: (batches: number) => void;
  readonly ran: (end: SandboxEnd) => void;
  /** Prometheus's text format 0.0.4. */
  text(): Promise<string>;
  readonly contentType: string;
  close(): Promise<void>;
}

/** Cache time in milliseconds for frequent scrapes. */
const REMEMBER_MS = 2_000;
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const GROUP_SIZES = [1, 2, 4, 8, 16, 32, 64, 128];

interface Work {
  readonly queued: string;
  readonly queue_age_s: number;
  readonly runs_today: string;
  readonly open_xids: string;
  readonly jobs: readonly { readonly job: string; readonly age_s: number; readonly ok: boolean }[];
}

const WORK = `
  SELECT count(*)::text AS queued, coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8 AS queue_age_s,
         (SELECT coalesce(sum(used), 0)::text FROM app.execution_quota WHERE day = (now() AT TIME ZONE 'UTC')::date) AS runs_today,
         (pg_snapshot_xmax(pg_current_snapshot())::text::numeric - pg_snapshot_xmin(pg_current_snapshot())::text::numeric)::text AS open_xids,
         (SELECT coalesce(json_agg(json_build_object('job', job, 'age_s', extract(epoch FROM now() - started_at), 'ok', outcome IS DISTINCT FROM 'error')), '[]')
            FROM app.job_run) AS jobs
    FROM app.request_queue WHERE due_at <= now()`;

/** Creates the metrics of a local run. */
export function createLedgerMetrics({ pool, auditor }: LedgerMetricsOptions): LedgerMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: 'logline_requests_total',
    help: 'Requests answered.',
    labelNames: ['operation', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: 'logline_request_duration_seconds',
    help: 'From the first look at a request to its answer.',
    labelNames: ['operation'],
    buckets: SECONDS,
    registers,
  });
  const groups = new Histogram({
    name: 'logline_append_group_size',
    help: 'Appends that shared a commit.',
    buckets: GROUP_SIZES,
    registers,
  });
  const ends = new Counter({
    name: 'logline_sandbox_runs_total',
    help: 'Runs of functions and policies that ended in the sandbox.',
    labelNames: ['outcome'],
    registers,
  });
  const kills = new Counter({
    name: 'logline_sandbox_kills_total',
    help: 'Runs whose worker thread was given up.',
    registers,
  });
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name: `logline_${name}`, help, labelNames, registers });
  const connections = gauge('pool_connections', 'Connections of Stage-0, by state.', ['state']);
  const waiting = gauge('pool_waiting', 'Statements that wait for a connection.');
  const queued = gauge('queue_depth', 'Requests that are due.');
  const queueAge = gauge('queue_age_seconds', 'How long the oldest of them has been due.');
  const runs = gauge('runs_today', 'Runs that count against quotas since 00:00 UTC.');
  const openIds = gauge('feed_hold_back', 'Transaction ids from the oldest that is open to the newest.');
  const tickAge = gauge('tick_age_seconds', 'Since a scheduled job began last.', ['job']);
  const tickOk = gauge('tick_ok', 'Whether its last run ended well.', ['job']);
  const up = gauge('database_up', 'Whether the database answered this scrape.');
  const memory = gauge('process_resident_bytes', 'Memory of the process that answers requests.');
  const work = new Database({
    ...auditor,
    poolSize: 1,
    statementTimeoutMs: 3_000,
    applicationName: 'logline metrics',
  });

  const collect = async (): Promise<void> => {
    memory.set(process.memoryUsage.rss());
    const { totalCount = 0, idleCount = 0, waitingCount = 0 } = pool()?.pool ?? {};
    connections.set({ state: 'idle' }, idleCount);
    connections.set({ state: 'busy' }, totalCount - idleCount);
    waiting.set(waitingCount);
    try {
      const { rows } = await work.pool.query<Work>(WORK);
      const [row] = rows;
      if (row === undefined) return;
      up.set(1);
      queued.set(Number(row.queued));
      queueAge.set(row.queue_age_s);
      runs.set(Number(row.runs_today));
      openIds.set(Number(row.open_xids));
      for (const { job, age_s, ok } of row.jobs) {
        tickAge.set({ job }, age_s);
        tickOk.set({ job }, ok ? 1 : 0);
      }
    } catch {
      up.set(0);
    }
  };

  let page: { readonly atMs: number; readonly text: Promise<string> } | undefined;
  return {
    contentType: registry.contentType,
    observe({ operation, status, durationMs }) {
      requests.inc({ operation, status: String(status) });
      durations.observe({ operation }, durationMs / 1_000);
    },
    committed: (batches) => groups.observe(batches),
    ran({ outcome, isKilled }) {
      ends.inc({ outcome });
      if (isKilled) kills.inc();
    },
    text() {
      if (page === undefined || performance.now() - page.atMs > REMEMBER_MS) {
        page = { atMs: performance.now(), text: collect().then(() => registry.metrics()) };
      }
      return page.text;
    },
    close: () => work.close(),
  };
}

import { sql } from 'kysely';
import { type Identity, NOBODY } from '../../runtime/base/identity';
import type { Database } from '../../runtime/db/pool';
import { type Transaction, withPg } from '../../runtime/db/with-pg';
import { SCHEDULE, toleratedAgeS } from '../../runtime/host/schedule';
import { KERNEL_MANIFEST_ID } from '../../runtime/kernels/stable-ids';
import { parseManifest } from '../../runtime/ledger/manifest';
import { readLatest } from '../../runtime/ledger/span-reader';

/** State of a ledger, as `--json` prints it. Ids and numbers only, no content of spans. */
export interface StatusReport {
  readonly at: string;
  readonly queue: {
    /** Due requests that no worker holds. */
    readonly waiting: number;
    readonly running: number;
    /** Requests with a retry in the future. */
    readonly put_off: number;
    /** Seconds that the oldest of `waiting` has been due; null when none waits. */
    readonly oldest_waiting_s: number | null;
  };
  readonly jobs: readonly JobStatus[];
  readonly executions: {
    /** UTC date, `YYYY-MM-DD`. */
    readonly day: string;
    /** Daily limit of each tenant; null when the manifest is unreadable or untrusted. */
    readonly limit: number | null;
    readonly tenants: readonly { readonly tenant: string; readonly used: number }[];
  };
  readonly policies: readonly PolicyStatus[];
  /** Number of active policies, which may exceed the length of `policies`. */
  readonly active_policies: number;
  readonly open_subjects: readonly { readonly tenant: string; readonly open: number }[];
  readonly database: {
    readonly bytes: number;
    readonly connections: number;
    readonly max_connections: number;
    /** The planner's estimate of the ledger's rows; null before the first ANALYZE. */
    readonly spans_estimate: number | null;
  };
}

/** Latest run of a scheduled job. */
export interface JobStatus {
  readonly job: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  /** `running` between start and end; `never` before the first run. */
  readonly result: 'ok' | 'error' | 'running' | 'never';
  /** Whether the last start is longer ago than the cadence allows. */
  readonly late: boolean;
  readonly detail: unknown;
}

/** Lag of an active policy. */
export interface PolicyStatus {
  readonly policy_id: string;
  readonly tenant: string;
  readonly owner: string;
  /** Spans behind the policy's cursor, counted up to MAX_BEHIND. */
  readonly behind: number;
}

/** Limit of the count of a policy's lag, which bounds its cost. */
export const MAX_BEHIND = 10_000;
/** Policies whose lag is counted, one query each. */
const MAX_POLICIES = 50;
const MAX_TENANTS = 100;

/**
 * @param database connection as `logline_app`, for reads under an identity
 * @param auditor connection as `logline_auditor`, who sees all tenants' work
 * @throws UnavailableError when the database does not answer.
 */
export async function readStatus(
  database: Database,
  auditor: Database,
  trustedKeys: ReadonlySet<string>,
): Promise<StatusReport> {
  const shared = await withPg(
    auditor,
    NOBODY,
    async (transaction) => ({
      ...(await readClock(transaction)),
      queue: await readQueue(transaction),
      jobs: await readJobs(transaction),
      limit: await readLimit(database, trustedKeys),
      tenants: await readExecutions(transaction),
      cursors: await readCursors(transaction),
      open_subjects: await readSubjects(transaction),
      database: await readDatabase(transaction),
    }),
    { readOnly: true },
  );
  const { at, day, limit, tenants, cursors, queue, jobs, open_subjects, database: size } = shared;
  const policies: PolicyStatus[] = [];
  for (const cursor of cursors.slice(0, MAX_POLICIES)) {
    const { policy_id, tenant_id: tenant, owner_id: owner } = cursor;
    policies.push({ policy_id, tenant, owner, behind: await countBehind(database, cursor) });
  }
  return {
    at,
    queue,
    jobs,
    executions: { day, limit, tenants },
    policies,
    active_policies: cursors.length,
    open_subjects,
    database: size,
  };
}

async function readClock({ db }: Transaction): Promise<{ at: string; day: string }> {
  const { rows } = await sql<{ at: Date | string; day: string }>`
    SELECT now() AS at, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day`.execute(db);
  const [row] = rows;
  return { at: new Date(row?.at ?? 0).toISOString(), day: row?.day ?? '' };
}

async function readQueue({ db }: Transaction): Promise<StatusReport['queue']> {
  const { rows } = await sql<Record<'waiting' | 'running' | 'put_off', string> & { oldest: string | null }>`
    SELECT count(*) FILTER (WHERE due_at <= now()) AS waiting,
           count(*) FILTER (WHERE due_at > now() AND lease_id IS NOT NULL) AS running,
           count(*) FILTER (WHERE due_at > now() AND lease_id IS NULL) AS put_off,
           extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at <= now())) AS oldest
    FROM app.request_queue`.execute(db);
  const [row] = rows;
  return {
    waiting: Number(row?.waiting ?? 0),
    running: Number(row?.running ?? 0),
    put_off: Number(row?.put_off ?? 0),
    oldest_waiting_s: row?.oldest == null ? null : Math.round(Number(row.oldest)),
  };
}

async function readJobs({ db }: Transaction): Promise<JobStatus[]> {
  const rows = await db
    .selectFrom('app.job_run')
    .select(['job', 'started_at', 'ended_at', 'outcome', 'detail'])
    .select(sql<string>`extract(epoch FROM now() - started_at)`.as('age_s'))
    .execute();
  return SCHEDULE.map((scheduled): JobStatus => {
    const row = rows.find(({ job }) => job === scheduled.job);
    if (row === undefined) {
      return {
        job: scheduled.job,
        started_at: null,
        ended_at: null,
        result: 'never',
        late: false,
        detail: null,
      };
    }
    const isRunning = row.ended_at === null || row.ended_at < row.started_at;
    return {
      job: row.job,
      started_at: row.started_at,
      ended_at: isRunning ? null : row.ended_at,
      result: isRunning ? 'running' : row.outcome === 'error' ? 'error' : 'ok',
      late: Number(row.age_s) > toleratedAgeS(scheduled),
      detail: isRunning ? null : row.detail,
    };
  });
}

async function readLimit(database: Database, trustedKeys: ReadonlySet<string>): Promise<number | null> {
  try {
    const manifest = await readLatest(database, NOBODY, KERNEL_MANIFEST_ID);
    return parseManifest(manifest, trustedKeys).perTenantDailyExecLimit;
  } catch {
    return null; // Runs report the reason; the status only shows no limit.
  }
}

async function readExecutions({ db }: Transaction): Promise<StatusReport['executions']['tenants']> {
  return db
    .selectFrom('app.execution_quota')
    .select(['tenant_id as tenant', 'used'])
    .where('day', '=', sql<Date>`(now() AT TIME ZONE 'UTC')::date`)
    .orderBy('used', 'desc')
    .orderBy('tenant_id')
    .limit(MAX_TENANTS)
    .execute();
}

interface Cursor {
  readonly policy_id: string;
  readonly tenant_id: string;
  readonly owner_id: string;
  readonly tx_id: string;
  readonly ordinal: string;
}

async function readCursors({ db }: Transaction): Promise<Cursor[]> {
  return (
    db
      .selectFrom('app.policy_cursor')
      .select(['policy_id', 'tenant_id', 'owner_id', 'tx_id', 'ordinal'])
      .where('is_active', '=', true)
      // The cursors that lag most come first.
      .orderBy('tx_id')
      .orderBy('ordinal')
      .execute()
  );
}

/** Counts as the policy's owner, who can read the same spans. */
function countBehind(database: Database, cursor: Cursor): Promise<number> {
  const identity: Identity = { user: cursor.owner_id, tenant: cursor.tenant_id };
  return withPg(
    database,
    identity,
    async ({ db }) => {
      const { rows } = await sql<{ behind: string }>`
        SELECT count(*) AS behind FROM (
          SELECT FROM ledger.universal_registry
          WHERE (tx_id, ordinal) > (${cursor.tx_id}::xid8, ${cursor.ordinal}::bigint)
            AND tx_id < pg_snapshot_xmin(pg_current_snapshot())
          LIMIT ${MAX_BEHIND}) AS unseen`.execute(db);
      return Number(rows[0]?.behind ?? 0);
    },
    { readOnly: true },
  );
}

async function readSubjects({ db }: Transaction): Promise<StatusReport['open_subjects']> {
  const rows = await db
    .selectFrom('app.ruling_queue')
    .select(['tenant_id as tenant', (eb) => eb.fn.countAll<string>().as('open')])
    .groupBy('tenant_id')
    .orderBy('tenant_id')
    .limit(MAX_TENANTS)
    .execute();
  return rows.map(({ tenant, open }) => ({ tenant, open: Number(open) }));
}

async function readDatabase({ db }: Transaction): Promise<StatusReport['database']> {
  const { rows } = await sql<Record<'bytes' | 'connections' | 'max_connections' | 'spans', string>>`
    SELECT pg_database_size(current_database()) AS bytes,
           (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
           current_setting('max_connections') AS max_connections,
           (SELECT reltuples FROM pg_class WHERE oid = 'ledger.universal_registry'::regclass) AS spans`.execute(
    db,
  );
  const [row] = rows;
  const spans = Number(row?.spans ?? -1);
  return {
    bytes: Number(row?.bytes ?? 0),
    connections: Number(row?.connections ?? 0),
    max_connections: Number(row?.max_connections ?? 0),
    // reltuples is -1 before the first ANALYZE.
    spans_estimate: spans < 0 ? null : Math.round(spans),
  };
}

import type { Identity } from '../base/identity';
import type { Database } from '../db/pool';
import { runStatement } from '../db/query-as';

/** The status of one tenant's work: ids, counts, times and error codes. */
export interface TenantStatus {
  readonly at: string;
  readonly queue: {
    /** Due and not claimed by a worker. */
    readonly waiting: number;
    readonly running: number;
    /** Due later, for a retry. */
    readonly put_off: number;
    /** Seconds since the oldest of `waiting` became due; null when none waits. */
    readonly oldest_waiting_s: number | null;
  };
  readonly schedules: readonly ScheduleStatus[];
  readonly quota: {
    /** UTC day, `YYYY-MM-DD`. */
    readonly day: string;
    /** Runs a day; null when the manifest cannot be read or is not trusted. */
    readonly limit: number | null;
    readonly used: number;
    /** Processor time of runs and policies; null while it is not limited and hence not counted. */
    readonly cpu_limit_ms: number | null;
    readonly cpu_ms: number | null;
  };
  readonly policies: readonly PolicyStatus[];
  readonly jobs: readonly JobStatus[];
}

/** A scheduled function. */
export interface ScheduleStatus {
  readonly function_id: string;
  readonly owner: string;
  /** Runs one time only. */
  readonly once: boolean;
  readonly due_at: string;
}

/** How far a policy has read the feed. */
export interface PolicyStatus {
  readonly policy_id: string;
  readonly owner: string;
  readonly active: boolean;
  /** Spans that it has not read yet; counted up to 10,000. */
  readonly behind: number;
  readonly last_error: { readonly span_id: string; readonly at: string; readonly code: string | null } | null;
}

/** The last run of a job of the instance. */
export interface JobStatus {
  readonly job: string;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly result: 'ok' | 'error' | 'running';
}

/** A tenant's limits per UTC day; null when unlimited or unknown. */
export interface DailyLimits {
  readonly runs: number | null;
  readonly cpuMs: number | null;
}

/** Most policies listed, and most schedules. */
const MAX_LISTED = 100;
/** Policies queried in parallel, so that the connection pool is left to others. */
const PARALLEL_POLICIES = 2;

/**
 * The status of the work of the caller's tenant.
 * @param limits from the manifest
 * @throws UnavailableError when the database does not answer
 */
export async function readTenantStatus(
  database: Database,
  identity: Identity,
  { runs: limit, cpuMs: cpuLimitMs }: DailyLimits,
): Promise<TenantStatus> {
  const { tenant } = identity;
  const at = new Date().toISOString();
  const day = at.slice(0, 10);
  const [queue] = await runStatement(database, identity, 'tenant_queue', [tenant]);
  const schedules = await runStatement(database, identity, 'tenant_schedules', [tenant, MAX_LISTED]);
  const [quota] = await runStatement(database, identity, 'runs_of_day', [tenant, day]);
  return {
    at,
    queue: {
      waiting: Number(queue?.waiting ?? 0),
      running: Number(queue?.running ?? 0),
      put_off: Number(queue?.put_off ?? 0),
      oldest_waiting_s: queue?.oldest_s == null ? null : Math.round(Number(queue.oldest_s)),
    },
    schedules: schedules.map(({ function_id, owner_id, once, due_at }) => ({
      function_id,
      owner: owner_id,
      once,
      due_at,
    })),
    quota: {
      day,
      limit,
      used: quota?.used ?? 0,
      cpu_limit_ms: cpuLimitMs,
      cpu_ms: cpuLimitMs === null ? null : Math.round(quota?.cpu_ms ?? 0),
    },
    policies: await readPolicies(database, identity),
    jobs: await readJobs(database, identity),
  };
}

async function readPolicies(database: Database, identity: Identity): Promise<PolicyStatus[]> {
  const cursors = await runStatement(database, identity, 'tenant_policies', [identity.tenant, MAX_LISTED]);
  const policies: PolicyStatus[] = [];
  for (let start = 0; start < cursors.length; start += PARALLEL_POLICIES) {
    const group = cursors.slice(start, start + PARALLEL_POLICIES);
    policies.push(
      ...(await Promise.all(group.map((cursor) => readPolicy(database, identity.tenant, cursor)))),
    );
  }
  return policies;
}

interface PolicyCursor {
  readonly policy_id: string;
  readonly owner_id: string;
  readonly is_active: boolean;
  readonly tx_id: string;
  readonly ordinal: string;
}

/** Counts as the policy's owner, who sees what the policy sees; returns no message of its errors, only ids and codes. */
async function readPolicy(database: Database, tenant: string, cursor: PolicyCursor): Promise<PolicyStatus> {
  const owner: Identity = { user: cursor.owner_id, tenant };
  const [lag] = await runStatement(database, owner, 'policy_lag', [cursor.tx_id, cursor.ordinal]);
  const [error] = await runStatement(database, owner, 'policy_last_error', [cursor.policy_id]);
  return {
    policy_id: cursor.policy_id,
    owner: cursor.owner_id,
    active: cursor.is_active,
    behind: cursor.is_active ? Number(lag?.behind ?? 0) : 0,
    last_error: error === undefined ? null : { span_id: error.id, at: error.at, code: error.code },
  };
}

async function readJobs(database: Database, identity: Identity): Promise<JobStatus[]> {
  const rows = await runStatement(database, identity, 'job_runs', []);
  return rows.map(({ job, started_at, ended_at, outcome }) => {
    const isRunning = ended_at === null || ended_at < started_at;
    return {
      job,
      started_at,
      ended_at: isRunning ? null : ended_at,
      result: isRunning ? 'running' : outcome === 'error' ? 'error' : 'ok',
    };
  });
}

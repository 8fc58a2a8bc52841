import type { Identity } from '../base/identity';
import type { Database } from '../db/pool';
import { runStatement } from '../db/query-as';

/** How one tenant's work is doing. Ids, counts and times; a message only for those who may read it. */
export interface TenantStatus {
  readonly at: string;
  readonly queue: {
    /** Due, and nobody works on them. */
    readonly waiting: number;
    readonly running: number;
    /** To be tried again later. */
    readonly put_off: number;
    /** How long the oldest of `waiting` has been due; null when none waits. */
    readonly oldest_waiting_s: number | null;
  };
  readonly schedules: readonly ScheduleStatus[];
  readonly quota: {
    /** UTC. */
    readonly day: string;
    /** Null when the manifest cannot be read or is not trusted. */
    readonly limit: number | null;
    readonly used: number;
    /** Processor time of runs and policies, in milliseconds; null while nothing limits it, and it is not counted. */
    readonly cpu_limit_ms: number | null;
    readonly cpu_ms: number | null;
  };
  readonly policies: readonly PolicyStatus[];
  readonly jobs: readonly JobStatus[];
}

export interface ScheduleStatus {
  readonly function_id: string;
  readonly owner: string;
  /** Runs one time, not again and again. */
  readonly once: boolean;
  readonly due_at: string;
}

export interface PolicyStatus {
  readonly policy_id: string;
  readonly owner: string;
  readonly active: boolean;
  /** Spans that it has yet to see; counted up to 10,000. */
  readonly behind: number;
  readonly last_error: { readonly span_id: string; readonly at: string; readonly code: string | null } | null;
}

export interface JobStatus {
  readonly job: string;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly result: 'ok' | 'error' | 'running';
}

/** What a tenant may use up in a UTC day; null when nothing limits it, or nobody knows. */
export interface DailyLimits {
  readonly runs: number | null;
  readonly cpuMs: number | null;
}

/** Policies and schedules that are listed at most. */
const MAX_LISTED = 100;
/** Policies that are looked at at once, so that a pool of connections is left to others. */
const AT_ONCE = 2;

/**
 * How the work of the caller's tenant is doing.
 * @param limits what the manifest allows a day
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
  for (let start = 0; start < cursors.length; start += AT_ONCE) {
    const group = cursors.slice(start, start + AT_ONCE);
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

/** Counted as the policy's owner, who sees what the policy sees; of its errors only ids, times and codes are told. */
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

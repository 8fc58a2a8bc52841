import { isConflict } from './json';
import type { KernelContext, KernelError, ManifestSettings } from './kernel-context';

const DAY_S = 86_400;
const DAY_MS = DAY_S * 1000;

/**
 * Takes one of the tenant's runs of this UTC day, under the row lock of its counter, so that two runs never both take the
 * last one. None is left once the processor time of the day is used up.
 *
 * Commits asynchronously: the run's own record is committed synchronously later in the same WAL, so a crash loses at most
 * counts of runs without a record. `run_code` counts its run in the statement that reads the function.
 * @param who the calling kernel
 * @param subjectId id of the function or provider to run
 * @returns why it may not run; null when it may
 */
export async function takeRun(
  ctx: KernelContext,
  who: string,
  subjectId: string,
): Promise<KernelError | null> {
  const manifest = await ctx.manifest();
  const { perTenantDailyExecLimit: limit } = manifest;
  const cpuLimitMs = manifest.perTenantDailyCpuMs ?? null;
  const { rows } = await ctx.sql`
    WITH relaxed AS (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO app.execution_quota AS q (tenant_id, day, used)
    SELECT ${ctx.identity.tenant}::text, ${ctx.now().slice(0, 10)}::date, 1 FROM relaxed
    WHERE ${limit}::int > 0 AND coalesce(${cpuLimitMs}::float8 > 0, true)
    ON CONFLICT (tenant_id, day) DO UPDATE SET used = q.used + 1
      WHERE q.used < ${limit}::int AND coalesce(q.cpu_ms < ${cpuLimitMs}::float8, true)
    RETURNING used`;
  return rows.length > 0 ? null : refuseRun(ctx, who, subjectId, manifest);
}

/**
 * Adds a run's processor time to its tenant's sum of this UTC day. Only while the manifest limits it, to save other runs
 * the statement.
 */
export async function countCpu(ctx: KernelContext, manifest: ManifestSettings, cpuMs: number): Promise<void> {
  if (manifest.perTenantDailyCpuMs === undefined) return;
  await ctx.sql`
    WITH relaxed AS (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO app.execution_quota AS q (tenant_id, day, used, cpu_ms)
    SELECT ${ctx.identity.tenant}::text, ${ctx.now().slice(0, 10)}::date, 0, ${cpuMs}::float8 FROM relaxed
    ON CONFLICT (tenant_id, day) DO UPDATE SET cpu_ms = q.cpu_ms + excluded.cpu_ms`;
}

/** The error for a used up quota. Appends one `policy_violation` for each user, day and limit. */
export async function refuseRun(
  ctx: KernelContext,
  who: string,
  subjectId: string,
  manifest: ManifestSettings,
): Promise<KernelError> {
  const { tenant } = ctx.identity;
  const now = ctx.now();
  const day = now.slice(0, 10);
  const { rows } = await ctx.sql<{ readonly used: number }>`
    SELECT used FROM app.execution_quota WHERE tenant_id = ${tenant} AND day = ${day}::date`;
  const { perTenantDailyExecLimit, perTenantDailyCpuMs } = manifest;
  const isOfRuns = perTenantDailyCpuMs === undefined || (rows[0]?.used ?? 0) >= perTenantDailyExecLimit;
  const limit = isOfRuns ? perTenantDailyExecLimit : perTenantDailyCpuMs;
  await recordViolation(ctx, who, subjectId, { isOfRuns, limit, day });
  const quota = isOfRuns ? `${limit} runs` : `${limit} ms of processor time`;
  return {
    code: 'quota_exceeded',
    message: `The quota of ${quota} a day of tenant ${tenant} is used up; it resets at 00:00 UTC.`,
    retry_after_s: Math.max(
      1,
      Math.ceil((Date.parse(`${day}T00:00:00.000Z`) + DAY_MS - Date.parse(now)) / 1000),
    ),
    rate_limit: {
      policy: isOfRuns ? 'runs a day' : 'ms of processor time a day',
      quota: limit,
      window_s: DAY_S,
    },
  };
}

async function recordViolation(
  ctx: KernelContext,
  who: string,
  subjectId: string,
  { isOfRuns, limit, day }: { readonly isOfRuns: boolean; readonly limit: number; readonly day: string },
): Promise<void> {
  const { tenant, user } = ctx.identity;
  try {
    await ctx.insertSpan({
      id: await ctx.stableId('quota_violation', tenant, user, day, ...(isOfRuns ? [] : ['cpu'])),
      entity_type: 'policy_violation',
      who,
      did: 'refused',
      this: isOfRuns ? 'per_tenant_daily_exec_limit' : 'per_tenant_daily_cpu_ms',
      status: 'quota_exceeded',
      related_to: [subjectId],
      metadata: { limit, day, function_id: subjectId },
    });
  } catch (error) {
    // Recorded before, for another run of that day.
    if (!isConflict(error)) throw error;
  }
}

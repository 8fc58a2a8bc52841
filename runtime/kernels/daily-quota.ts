import { isConflict } from './json';
import type { KernelContext, KernelError } from './kernel-context';

const DAY_MS = 86_400_000;

/**
 * Takes one of the tenant's runs of this UTC day, under the row lock of its counter, so that two runs never take the
 * last one both.
 *
 * The count does not wait for the disk: the run's own record is committed later in the same log and does, so a crash
 * forgets at most runs that left no record either. `run_code` counts its run the same way as it reads the function.
 * @param who the kernel that asks
 * @param subjectId what it wanted to run
 * @returns why it may not run; null when it may
 */
export async function takeRun(
  ctx: KernelContext,
  who: string,
  subjectId: string,
): Promise<KernelError | null> {
  const { perTenantDailyExecLimit: limit } = await ctx.manifest();
  const { rows } = await ctx.sql`
    WITH relaxed AS (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO app.execution_quota AS q (tenant_id, day, used)
    SELECT ${ctx.identity.tenant}::text, ${ctx.now().slice(0, 10)}::date, 1 FROM relaxed WHERE ${limit}::int > 0
    ON CONFLICT (tenant_id, day) DO UPDATE SET used = q.used + 1 WHERE q.used < ${limit}::int
    RETURNING used`;
  return rows.length > 0 ? null : refuseRun(ctx, who, subjectId, limit);
}

/** What there is to say when no run of the day is left. One `policy_violation` says so for each user and day. */
export async function refuseRun(
  ctx: KernelContext,
  who: string,
  subjectId: string,
  limit: number,
): Promise<KernelError> {
  const { tenant, user } = ctx.identity;
  const now = ctx.now();
  const day = now.slice(0, 10);
  try {
    await ctx.insertSpan({
      id: ctx.stableId('quota_violation', tenant, user, day),
      entity_type: 'policy_violation',
      who,
      did: 'refused',
      this: 'per_tenant_daily_exec_limit',
      status: 'quota_exceeded',
      related_to: [subjectId],
      metadata: { limit, day, function_id: subjectId },
    });
  } catch (error) {
    // Said before, of another run of that day.
    if (!isConflict(error)) throw error;
  }
  return {
    code: 'quota_exceeded',
    message: `The quota of ${limit} runs a day of tenant ${tenant} is used up; it starts anew at 00:00 UTC.`,
    retry_after_s: Math.max(
      1,
      Math.ceil((Date.parse(`${day}T00:00:00.000Z`) + DAY_MS - Date.parse(now)) / 1000),
    ),
  };
}

import type { KernelContext, KernelError } from './kernel-context';

const DAY_MS = 86_400_000;

/**
 * Takes one of the tenant's runs of this UTC day, under the row lock of its counter, so that two runs never take the
 * last one both. When none is left, one `policy_violation` span says so, once for each user and day.
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
  const { tenant, user } = ctx.identity;
  const now = ctx.now();
  const day = now.slice(0, 10);
  const { rows } = await ctx.sql`
    INSERT INTO app.execution_quota AS q (tenant_id, day, used)
    SELECT ${tenant}::text, ${day}::date, 1 WHERE ${limit}::int > 0
    ON CONFLICT (tenant_id, day) DO UPDATE SET used = q.used + 1 WHERE q.used < ${limit}::int
    RETURNING used`;
  if (rows.length > 0) return null;
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
    const isConflict =
      typeof error === 'object' && error !== null && 'code' in error && error.code === 'conflict';
    if (!isConflict) throw error;
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

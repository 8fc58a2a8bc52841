import type { JsonValue, SignedSpan } from '../base/span';
import type { SpanDraft } from '../ledger/span-draft';
import { refuseRun } from './daily-quota';
import { isConflict } from './json';
import type { KernelContext, ManifestSettings } from './kernel-context';

/** Functions of one batch. */
const BATCH = 200;
/** A function with a later due time is checked again after this. */
const LOOK_AHEAD_HOURS = 24;
/** No further batch starts when less than this is left of the tick. */
const RESERVE_MS = 3_000;
const MAX_BATCHES = 50;

interface Scheduled {
  readonly function_id: string;
  readonly seq: number;
  readonly tenant_id: string;
  readonly owner_id: string;
  readonly once: boolean;
  readonly done_until: string | null;
  /** The database's clock, which alone says what is due: several machines may observe. */
  readonly now: string;
}

interface Counts {
  looked: number;
  requested: number;
  refused: number;
}

/**
 * Appends one request for each due time of a scheduled function. The id of a request is derived from the function and
 * the due time, so that concurrent or interrupted observers cannot request a run twice.
 *
 * Of several due times that were missed, only the latest gets a request.
 */
export async function main(ctx: KernelContext): Promise<JsonValue> {
  const manifest = await ctx.manifest();
  const counts: Counts = { looked: 0, requested: 0, refused: 0 };
  for (let batch = 0; batch < MAX_BATCHES && ctx.remainingMs() > RESERVE_MS; batch += 1) {
    const { rows } = await ctx.workSql<Scheduled>`
      SELECT function_id, seq, tenant_id, owner_id, once, done_until, now() AS now FROM app.due_functions(${BATCH}::int)`;
    for (const row of rows) await observe(ctx, row, manifest, counts);
    if (rows.length < BATCH) break;
  }
  return { ...counts };
}

/** Handles one function; when it fails, it is retried in a minute and the others go on. */
async function observe(
  ctx: KernelContext,
  row: Scheduled,
  manifest: ManifestSettings,
  counts: Counts,
): Promise<void> {
  counts.looked += 1;
  try {
    await (row.once ? requestOnce(ctx, row, manifest, counts) : requestDue(ctx, row, manifest, counts));
  } catch (error) {
    ctx.log('error', 'scheduled function could not be looked at', {
      function_id: row.function_id,
      reason: error instanceof Error ? error.message : String(error),
    });
    await scheduleNext(ctx, row, row.done_until, new Date(Date.parse(row.now) + 60_000).toISOString());
  }
}

async function requestOnce(
  ctx: KernelContext,
  row: Scheduled,
  manifest: ManifestSettings,
  counts: Counts,
): Promise<void> {
  const owner = ctx.as({ user: row.owner_id, tenant: row.tenant_id });
  await request(owner, row, 'once', null, manifest, counts);
  await ctx.workSql`SELECT app.end_schedule(${row.function_id}::uuid, ${row.seq}::int)`;
}

async function requestDue(
  ctx: KernelContext,
  row: Scheduled,
  manifest: ManifestSettings,
  counts: Counts,
): Promise<void> {
  const owner = ctx.as({ user: row.owner_id, tenant: row.tenant_id });
  const fn = await owner.readSpan(row.function_id);
  if (fn === null || fn.seq !== row.seq) return; // A newer version has a row of its own.
  const { schedule, timezone } = scheduleOf(fn);
  const { now } = row;
  const after = row.done_until === null ? fn.at : later(fn.at, earlier(row.done_until, now));
  let due: readonly string[];
  let next: string | null;
  try {
    due = ctx.dueTimes(schedule, timezone, fn.at, after, now);
    next = ctx.nextDueTime(schedule, timezone, fn.at, now);
    if (next === null && due.length === 0 && row.done_until === null) {
      throw new Error(
        'The schedule names no moment that is still to come; write one that does, such as cron(0 9 * * *).',
      );
    }
  } catch (error) {
    await refuseSchedule(ctx, owner, row, fn, error);
    return;
  }
  const latest = due.at(-1);
  if (latest !== undefined) await request(owner, row, latest, due.length - 1, manifest, counts);
  const horizon = new Date(Date.parse(now) + LOOK_AHEAD_HOURS * 3_600_000).toISOString();
  await scheduleNext(ctx, row, latest ?? after, next !== null && next < horizon ? next : horizon);
}

/**
 * Of two timestamps of the ledger the earlier one. `done_until` lies ahead when the clock was set back: due times from now
 * on count again, and those that have their request already are known by its id.
 */
function earlier(one: string, other: string): string {
  return one < other ? one : other;
}

function later(one: string, other: string): string {
  return one < other ? other : one;
}

/** The function's schedule and time zone, not checked. */
function scheduleOf(fn: SignedSpan): { schedule: unknown; timezone: unknown } {
  const { schedule, timezone } = fn.metadata as { readonly schedule?: unknown; readonly timezone?: unknown };
  return { schedule, timezone: timezone ?? undefined };
}

async function request(
  owner: KernelContext,
  row: Scheduled,
  dueAt: string,
  missed: number | null,
  manifest: ManifestSettings,
  counts: Counts,
): Promise<void> {
  if (await isQuotaUsedUp(owner, row, manifest)) {
    counts.refused += 1;
    return;
  }
  const isOnce = dueAt === 'once';
  const done = await insertOnce(owner, {
    id: await owner.stableId('request', row.function_id, isOnce ? `version ${row.seq}` : dueAt),
    entity_type: 'request',
    who: 'observer_bot',
    did: 'requested',
    this: row.function_id,
    status: 'scheduled',
    parent_id: row.function_id,
    related_to: [row.function_id],
    input: { trigger: 'schedule', ...(isOnce ? {} : { scheduled_for: dueAt }) },
    metadata: {
      function_id: row.function_id,
      function_seq: row.seq,
      ...(isOnce ? {} : { scheduled_for: dueAt }),
      ...(missed === null || missed === 0 ? {} : { missed }),
    },
  });
  if (done) counts.requested += 1;
}

async function isQuotaUsedUp(
  owner: KernelContext,
  row: Scheduled,
  manifest: ManifestSettings,
): Promise<boolean> {
  const day = owner.now().slice(0, 10);
  const { rows } = await owner.sql<{ used: number; cpu_ms: number }>`
    SELECT used, cpu_ms FROM app.execution_quota WHERE tenant_id = ${row.tenant_id} AND day = ${day}::date`;
  const { used, cpu_ms } = rows[0] ?? { used: 0, cpu_ms: 0 };
  const { perTenantDailyExecLimit, perTenantDailyCpuMs = Number.POSITIVE_INFINITY } = manifest;
  if (used < perTenantDailyExecLimit && cpu_ms < perTenantDailyCpuMs) return false;
  await refuseRun(owner, 'observer_bot', row.function_id, manifest);
  return true;
}

/** Records an invalid schedule, once per version of the function, and removes it from the queue. */
async function refuseSchedule(
  ctx: KernelContext,
  owner: KernelContext,
  row: Scheduled,
  fn: SignedSpan,
  error: unknown,
): Promise<void> {
  await insertOnce(owner, {
    id: await owner.stableId('schedule_error', row.function_id, String(row.seq)),
    entity_type: 'policy_violation',
    who: 'observer_bot',
    did: 'refused',
    this: 'metadata.schedule',
    status: 'bad_schedule',
    visibility: fn.visibility,
    related_to: [row.function_id],
    error: { message: error instanceof Error ? error.message : String(error) },
  });
  await ctx.workSql`SELECT app.end_schedule(${row.function_id}::uuid, ${row.seq}::int)`;
}

async function scheduleNext(
  ctx: KernelContext,
  row: Scheduled,
  doneUntil: string | null,
  dueAt: string,
): Promise<void> {
  await ctx.workSql`
    SELECT app.look_again(${row.function_id}::uuid, ${row.seq}::int, ${doneUntil}::timestamptz, ${dueAt}::timestamptz)`;
}

/** Appends a span with a derived id. @returns false when it was there already */
async function insertOnce(owner: KernelContext, draft: SpanDraft): Promise<boolean> {
  try {
    await owner.insertSpan(draft);
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

import type { JsonValue, SignedSpan } from '../base/span';
import type { MidnightEvent, RunCodeEvent } from '../ledger/kernel-event-schema';
import type { SpanDraft } from '../ledger/span-draft';
import type { SandboxOutcome } from '../sandbox';
import { countCpu, refuseRun } from './daily-quota';
import { isConflict, objectOf } from './json';
import type { KernelContext, KernelError, KernelOutcome, ManifestSettings } from './kernel-context';
import { runMidnight } from './midnight/midnight-round';
import { SpanRoom } from './span-room';
import { MIDNIGHT_RULER_ID } from './stable-ids';

const SYSTEM_TENANT = 'system';
const MAX_NAME_CHARACTERS = 200;

/** A run of one function. */
type Run = Omit<RunCodeEvent, 'trigger'> & Pick<RunCodeEvent | MidnightEvent, 'trigger'>;

/**
 * Runs one function of the ledger in the sandbox, under the identity of this context, which must own it unless the
 * manifest trusts it: signature check, quota, run, one `execution` span. The same request and attempt never leave two
 * executions.
 *
 * An event `{trigger: 'midnight_ruler', scheduled_for}` without a function is the midnight round.
 */
export async function main(
  ctx: KernelContext,
  event: RunCodeEvent | MidnightEvent,
): Promise<KernelOutcome | JsonValue> {
  if (event.trigger === 'midnight_ruler') {
    return runMidnight(ctx, event, (owner, functionId, input) =>
      runFunction(owner, { function_id: functionId, input, trigger: 'midnight_ruler' }),
    );
  }
  return runFunction(ctx, { trigger: 'execute', ...event, function_id: event.function_id.toLowerCase() });
}

async function runFunction(ctx: KernelContext, event: Run): Promise<KernelOutcome> {
  // A record of this attempt stands, whatever has become of the function since.
  const before = await executionOf(ctx, event);
  if (before !== null) return outcomeOf(before);
  const manifest = await ctx.manifest();
  const admission = await admit(ctx, event, manifest);
  if (admission === null) return refusal('not_found', 'There is no such function for you.');
  const { fn, hasQuota, seenXmax } = admission;
  const refused = await refusalOf(ctx, fn, manifest);
  if (refused !== null) return refused;
  if (!hasQuota) {
    const error = await refuseRun(ctx, 'run_code', fn.id, manifest);
    return { ok: false, error, execution: null };
  }

  const startedMs = performance.now();
  const outcome = await ctx.sandbox({
    code: fn.code ?? '',
    entry: 'main',
    input: event.input ?? null,
    limits: manifest.sandbox,
    filename: `${(fn.name ?? 'function').replace(/[^\w.-]/g, '_')}.js`,
    trusted: isTrusted(fn, manifest),
    seenXmax,
  });
  // The caller hung up, or the process is stopping: no code ran, so there is nothing to record.
  if (!outcome.ok && outcome.error.code === 'aborted' && outcome.neverBegan === true)
    return refusal('unavailable', 'The run was ended before it began.');
  const durationMs = Math.round(performance.now() - startedMs);
  await countCpu(ctx, manifest, outcome.cpuMs);
  return record(ctx, { event, fn, outcome, manifest, durationMs });
}

/** Why this function may not run for this identity; null when it may. */
async function refusalOf(
  ctx: KernelContext,
  fn: SignedSpan,
  manifest: ManifestSettings,
): Promise<KernelOutcome | null> {
  if (fn.is_deleted) return refusal('not_found', 'There is no such function for you.');
  if (fn.entity_type !== 'function' && fn.entity_type !== 'kernel') {
    return refusal('malformed', `A ${fn.entity_type} cannot be run; only a function can.`);
  }
  const isOwn = fn.owner_id === ctx.identity.user && fn.tenant_id === ctx.identity.tenant;
  // A run acts as its caller, so code of another owner would act under the caller's identity.
  if (!isOwn && !isTrusted(fn, manifest)) {
    return refusal('forbidden', 'Only its owner may run a function; append your own copy of it.');
  }
  const verdict = await ctx.verifySpan(fn as unknown as JsonValue);
  if (!verdict.ok) return refusal('boot_refused', `The function does not verify: ${verdict.detail}.`);
  if (fn.language !== undefined && fn.language !== null && !/^(javascript|js)$/i.test(fn.language)) {
    return refusal('malformed', `The language ${fn.language} is not supported; write plain JavaScript.`);
  }
  if (typeof fn.code !== 'string' || fn.code === '') return refusal('malformed', 'The function has no code.');
  return null;
}

/** Whether the function is the system's and listed in the manifest: everybody may run it, under their own identity. */
function isTrusted(fn: SignedSpan, manifest: ManifestSettings): boolean {
  return (
    fn.tenant_id === SYSTEM_TENANT && fn.owner_id === 'system' && manifest.allowedBootIds.includes(fn.id)
  );
}

interface Admission {
  readonly fn: SignedSpan;
  readonly hasQuota: boolean;
  /** End of the snapshot, on the writer, that saw all that was committed before the run. */
  readonly seenXmax: string;
}

/**
 * Reads the newest version of the function and, if this identity may run it, takes one run of the tenant's day (see
 * `takeRun`). A single statement, which costs PostgreSQL a third less than two.
 */
async function admit(ctx: KernelContext, event: Run, manifest: ManifestSettings): Promise<Admission | null> {
  const { user, tenant } = ctx.identity;
  const limit = manifest.perTenantDailyExecLimit;
  const cpuLimitMs = manifest.perTenantDailyCpuMs ?? null;
  // Runs of the midnight round do not count against the owners' quotas.
  const isRound = event.function_id === MIDNIGHT_RULER_ID && event.trigger === 'midnight_ruler';
  const { rows } = await ctx.sql<{ readonly has_quota: boolean; readonly seen_xmax: string }>`
    WITH fn AS (
      SELECT id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility, status,
        is_deleted, name, description, code, language, runtime, input, output, error, metadata, duration_ms, trace_id,
        prev_hash, curr_hash, signature, public_key
      FROM ledger.universal_registry WHERE id = ${event.function_id}::uuid ORDER BY seq DESC LIMIT 1
    ), relaxed AS (
      SELECT set_config('synchronous_commit', 'off', true)
    ), quota_slot AS (
      INSERT INTO app.execution_quota AS q (tenant_id, day, used)
      SELECT ${tenant}::text, ${ctx.now().slice(0, 10)}::date, 1 FROM fn, relaxed
      WHERE ${limit}::int > 0 AND coalesce(${cpuLimitMs}::float8 > 0, true) AND NOT ${isRound}::boolean
        AND NOT fn.is_deleted AND fn.entity_type IN ('function', 'kernel')
        AND ((fn.owner_id = ${user}::text AND fn.tenant_id = ${tenant}::text)
          OR (fn.tenant_id = ${SYSTEM_TENANT}::text AND fn.id::text = ANY (${manifest.allowedBootIds}::text[])))
      ON CONFLICT (tenant_id, day) DO UPDATE SET used = q.used + 1
        WHERE q.used < ${limit}::int AND coalesce(q.cpu_ms < ${cpuLimitMs}::float8, true)
      RETURNING used
    )
    SELECT fn.*, ${isRound}::boolean OR EXISTS (SELECT FROM quota_slot) AS has_quota,
      pg_snapshot_xmax(pg_current_snapshot())::text AS seen_xmax FROM fn`;
  const [row] = rows;
  if (row === undefined) return null;
  const { has_quota: hasQuota, seen_xmax: seenXmax, ...columns } = row;
  const members = Object.entries(columns).filter(([, value]) => value !== null);
  // The table's constraints guarantee the members, and verifySpan checks them before anything runs.
  return { fn: Object.fromEntries(members) as unknown as SignedSpan, hasQuota, seenXmax };
}

interface Finished {
  readonly event: Run;
  readonly fn: SignedSpan;
  readonly outcome: SandboxOutcome;
  readonly manifest: ManifestSettings;
  readonly durationMs: number;
}

/** Records the run; the caller's outcome is read from the record. */
async function record(ctx: KernelContext, finished: Finished): Promise<KernelOutcome> {
  const { event, fn, durationMs, manifest } = finished;
  const id = (await executionId(ctx, event)) ?? ctx.crypto.randomUUID();
  const drafts = [executionDraft(finished, id)];
  if (durationMs >= manifest.slowMs) drafts.push(await slowDraft(ctx, finished, id));
  try {
    const spans = await ctx.insertSpan(drafts);
    const [execution] = spans;
    if (execution === undefined) throw new Error('no execution was written');
    return outcomeOf(execution);
  } catch (error) {
    // Another worker recorded this attempt while this one ran: its record stands.
    const recorded = isConflict(error) ? await executionOf(ctx, event) : null;
    if (recorded === null) throw error;
    ctx.log('warn', 'attempt was recorded by another worker', { function_id: fn.id, attempt: event.attempt });
    return outcomeOf(recorded);
  }
}

function executionDraft({ event, fn, outcome, durationMs }: Finished, id: string): SpanDraft {
  const related = event.request_id === undefined ? [fn.id] : [fn.id, event.request_id];
  const room = new SpanRoom();
  // The result comes first: it is known nowhere else, while the caller has the input.
  const result = outcome.ok
    ? { output: room.put(outcome.output) }
    : { error: room.put(outcome.error as unknown as JsonValue) };
  const logs = room.put(outcome.logs as unknown as JsonValue);
  const input = room.put(event.input ?? null);
  return {
    id,
    entity_type: 'execution',
    who: 'run_code',
    did: 'executed',
    this: nameOf(fn),
    status: outcome.ok ? 'complete' : 'error',
    parent_id: fn.id,
    related_to: related,
    input,
    ...result,
    duration_ms: durationMs,
    ...(event.trace_id === undefined ? {} : { trace_id: event.trace_id }),
    metadata: {
      function_id: fn.id,
      function_seq: fn.seq,
      function_hash: fn.curr_hash,
      cpu_ms: Math.round(outcome.cpuMs * 100) / 100,
      ctx_calls: outcome.calls,
      logs,
      ...(event.request_id === undefined
        ? {}
        : { request_id: event.request_id, attempt: event.attempt ?? 1 }),
      ...(event.trigger === undefined ? {} : { trigger: event.trigger }),
    },
  };
}

/** The function's name, shortened, since its record needs room for other members; else its id. */
function nameOf({ name, id }: SignedSpan): string {
  return (name ?? '').slice(0, MAX_NAME_CHARACTERS).toWellFormed() || id;
}

async function slowDraft(
  ctx: KernelContext,
  { fn, durationMs, manifest }: Finished,
  executionId: string,
): Promise<SpanDraft> {
  return {
    id: await ctx.stableId('status_patch', executionId),
    entity_type: 'status_patch',
    who: 'run_code',
    did: 'marked',
    this: nameOf(fn),
    status: 'slow',
    parent_id: executionId,
    related_to: [fn.id, executionId],
    duration_ms: durationMs,
    metadata: { slow_ms: manifest.slowMs, duration_ms: durationMs },
  };
}

/** The id of the record of a request's attempt; null without a request, which cannot be retried. */
async function executionId(ctx: KernelContext, event: Run): Promise<string | null> {
  return event.request_id === undefined
    ? null
    : ctx.stableId('execution', event.request_id, String(event.attempt ?? 1));
}

async function executionOf(ctx: KernelContext, event: Run): Promise<SignedSpan | null> {
  const id = await executionId(ctx, event);
  const span = id === null ? null : await ctx.readSpan(id);
  const { user, tenant } = ctx.identity;
  // Only a record of the same identity counts: others may publish spans under any id.
  return span?.entity_type === 'execution' && span.owner_id === user && span.tenant_id === tenant
    ? span
    : null;
}

function outcomeOf(execution: SignedSpan): KernelOutcome {
  if (execution.status === 'complete') return { ok: true, result: execution.output ?? null, execution };
  const cause = execution.error ?? null;
  const { message } = objectOf(cause);
  return {
    ok: false,
    error: {
      code: 'function_failed',
      message: typeof message === 'string' ? message : 'The function failed.',
      cause,
    },
    execution,
  };
}

function refusal(code: KernelError['code'], message: string): KernelOutcome {
  return { ok: false, error: { code, message }, execution: null };
}

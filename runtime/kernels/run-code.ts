import type { JsonValue, SignedSpan } from '../ledger/span';
import type { SpanDraft } from '../ledger/span-draft';
import type { SandboxOutcome } from '../sandbox';
import type { KernelContext, KernelError, KernelOutcome, ManifestSettings } from './kernel-context';
import { runMidnight } from './midnight-round';

/** The function whose runs decide for others: exempt from the quota of whom it decides for. */
const MIDNIGHT_RULER_ID = '00000000-0000-4000-8000-000000000006';
const SYSTEM_TENANT = 'system';

interface RunEvent {
  readonly function_id: string;
  readonly input: JsonValue;
  /** Set by the request worker. */
  readonly request_id?: string;
  readonly attempt?: number;
  readonly trace_id?: string;
  readonly trigger?: string;
}

/**
 * Runs one function of the ledger in the sandbox, under the identity of this context, which must own it:
 * signature check, quota, run, one `execution` span (DESIGN.md section 8). The same request and attempt
 * never leave two executions.
 *
 * An event `{trigger: 'midnight_ruler', scheduled_for}` without a function is the midnight round.
 */
export async function main(ctx: KernelContext, event: JsonValue): Promise<KernelOutcome | JsonValue> {
  const run = asObject(event);
  // The round decides for everybody: only the schedule, which runs as nobody, may start it.
  if (run.trigger === 'midnight_ruler' && run.function_id === undefined && ctx.identity.tenant === '') {
    return runMidnight(ctx, event, (owner, functionId, input) =>
      runFunction(owner, { function_id: functionId, input, trigger: 'midnight_ruler' }),
    );
  }
  if (typeof run.function_id !== 'string') {
    return refusal('malformed', 'Name the function: {"function_id": "…", "input": …}.');
  }
  return runFunction(ctx, {
    function_id: run.function_id.toLowerCase(),
    input: run.input ?? null,
    ...optionalText(run, 'request_id'),
    ...optionalText(run, 'trace_id'),
    trigger: run.trigger === 'request' ? 'request' : 'execute',
    ...(typeof run.attempt === 'number' ? { attempt: run.attempt } : {}),
  });
}

async function runFunction(ctx: KernelContext, event: RunEvent): Promise<KernelOutcome> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(event.function_id)) {
    return refusal('malformed', 'function_id must be a UUID.');
  }
  const manifest = await ctx.manifest();
  const fn = await ctx.readSpan(event.function_id);
  const refused = await refusalOf(ctx, fn, manifest);
  if (refused !== null || fn === null)
    return refused ?? refusal('not_found', 'There is no such function for you.');

  const before = await executionOf(ctx, event);
  if (before !== null) return outcomeOf(before);
  const isRound = event.function_id === MIDNIGHT_RULER_ID && event.trigger === 'midnight_ruler';
  const exhausted = isRound ? null : await takeQuota(ctx, fn, manifest);
  if (exhausted !== null) return exhausted;

  const started = Date.now();
  const outcome = await ctx.sandbox({
    code: fn.code ?? '',
    entry: 'main',
    input: event.input,
    limits: manifest.sandbox,
    filename: `${(fn.name ?? 'function').replace(/[^\w.-]/g, '_')}.js`,
    trusted: isTrusted(fn, manifest),
  });
  return record(ctx, { event, fn, outcome, manifest, durationMs: Math.max(0, Date.now() - started) });
}

/** Why this function may not run for this identity; null when it may. */
async function refusalOf(
  ctx: KernelContext,
  fn: SignedSpan | null,
  manifest: ManifestSettings,
): Promise<KernelOutcome | null> {
  if (fn === null || fn.is_deleted) return refusal('not_found', 'There is no such function for you.');
  if (fn.entity_type !== 'function' && fn.entity_type !== 'kernel') {
    return refusal('malformed', `A ${fn.entity_type} cannot be run; only a function can.`);
  }
  const isOwn = fn.owner_id === ctx.identity.user && fn.tenant_id === ctx.identity.tenant;
  // A run acts as the function's owner, so running somebody else's would lend out that identity.
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

/** Listed in the manifest and seeded by the system: runs for everybody, as whoever runs it. */
function isTrusted(fn: SignedSpan, manifest: ManifestSettings): boolean {
  return (
    fn.tenant_id === SYSTEM_TENANT && fn.owner_id === 'system' && manifest.allowedBootIds.includes(fn.id)
  );
}

/** One place of the tenant's day, taken under the row lock of its counter. */
async function takeQuota(
  ctx: KernelContext,
  fn: SignedSpan,
  manifest: ManifestSettings,
): Promise<KernelOutcome | null> {
  const { tenant } = ctx.identity;
  const day = ctx.now().slice(0, 10);
  const limit = manifest.perTenantDailyExecLimit;
  const { rows } = await ctx.sql`
    INSERT INTO app.execution_quota AS q (tenant_id, day, used)
    SELECT ${tenant}::text, ${day}::date, 1 WHERE ${limit}::int > 0
    ON CONFLICT (tenant_id, day) DO UPDATE SET used = q.used + 1 WHERE q.used < ${limit}::int
    RETURNING used`;
  if (rows.length > 0) return null;
  const message = `The quota of ${limit} runs a day of tenant ${tenant} is used up; it starts anew at 00:00 UTC.`;
  // One violation for a tenant's user and day, however often the limit is hit.
  await insertOnce(ctx, {
    id: ctx.stableId('quota_violation', tenant, ctx.identity.user, day),
    entity_type: 'policy_violation',
    who: 'run_code',
    did: 'refused',
    this: 'per_tenant_daily_exec_limit',
    status: 'quota_exceeded',
    related_to: [fn.id],
    metadata: { limit, day, function_id: fn.id },
  });
  return {
    ok: false,
    error: { code: 'quota_exceeded', message, retry_after_s: secondsToMidnight(ctx.now()) },
    execution: null,
  };
}

function secondsToMidnight(now: string): number {
  return Math.max(
    1,
    Math.ceil((Date.parse(`${now.slice(0, 10)}T00:00:00.000Z`) + 86_400_000 - Date.parse(now)) / 1000),
  );
}

interface Finished {
  readonly event: RunEvent;
  readonly fn: SignedSpan;
  readonly outcome: SandboxOutcome;
  readonly manifest: ManifestSettings;
  readonly durationMs: number;
}

/** Writes what happened; the caller learns of nothing that is not in the ledger. */
async function record(ctx: KernelContext, finished: Finished): Promise<KernelOutcome> {
  const { event, fn, durationMs, manifest } = finished;
  const id = executionId(ctx, event) ?? ctx.crypto.randomUUID();
  const drafts = [executionDraft(finished, id)];
  if (durationMs >= manifest.slowMs) drafts.push(slowDraft(ctx, finished, id));
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
  return {
    id,
    entity_type: 'execution',
    who: 'run_code',
    did: 'executed',
    this: fn.name ?? fn.id,
    status: outcome.ok ? 'complete' : 'error',
    parent_id: fn.id,
    related_to: related,
    input: event.input,
    ...(outcome.ok ? { output: outcome.output } : { error: outcome.error as unknown as JsonValue }),
    duration_ms: durationMs,
    ...(event.trace_id === undefined ? {} : { trace_id: event.trace_id }),
    metadata: {
      function_id: fn.id,
      function_seq: fn.seq,
      function_hash: fn.curr_hash,
      cpu_ms: Math.round(outcome.cpuMs * 100) / 100,
      ctx_calls: outcome.calls,
      logs: outcome.logs as unknown as JsonValue,
      ...(event.request_id === undefined
        ? {}
        : { request_id: event.request_id, attempt: event.attempt ?? 1 }),
      ...(event.trigger === undefined ? {} : { trigger: event.trigger }),
    },
  };
}

function slowDraft(
  ctx: KernelContext,
  { fn, durationMs, manifest }: Finished,
  executionId: string,
): SpanDraft {
  return {
    id: ctx.stableId('status_patch', executionId),
    entity_type: 'status_patch',
    who: 'run_code',
    did: 'marked',
    this: fn.name ?? fn.id,
    status: 'slow',
    parent_id: executionId,
    related_to: [fn.id, executionId],
    duration_ms: durationMs,
    metadata: { slow_ms: manifest.slowMs, duration_ms: durationMs },
  };
}

/** Without a request there is nothing that could be tried twice. */
function executionId(ctx: KernelContext, event: RunEvent): string | null {
  return event.request_id === undefined
    ? null
    : ctx.stableId('execution', event.request_id, String(event.attempt ?? 1));
}

async function executionOf(ctx: KernelContext, event: RunEvent): Promise<SignedSpan | null> {
  const id = executionId(ctx, event);
  const span = id === null ? null : await ctx.readSpan(id);
  const { user, tenant } = ctx.identity;
  // Only a record of one's own stands for the run; anybody may publish a span.
  return span?.entity_type === 'execution' && span.owner_id === user && span.tenant_id === tenant
    ? span
    : null;
}

function outcomeOf(execution: SignedSpan): KernelOutcome {
  if (execution.status === 'complete') return { ok: true, result: execution.output ?? null, execution };
  const cause = execution.error ?? null;
  const { message } = asObject(cause);
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

async function insertOnce(ctx: KernelContext, draft: SpanDraft): Promise<void> {
  try {
    await ctx.insertSpan(draft);
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
}

function isConflict(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'conflict';
}

function asObject(value: unknown): { readonly [member: string]: JsonValue | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as { readonly [member: string]: JsonValue | undefined })
    : {};
}

function optionalText<Name extends string>(
  value: { readonly [member: string]: JsonValue | undefined },
  name: Name,
) {
  const text = value[name];
  return (typeof text === 'string' ? { [name]: text } : {}) as { [K in Name]?: string };
}

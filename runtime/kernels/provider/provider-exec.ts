import type { JsonObject, JsonValue, SignedSpan, Visibility } from '../../base/span';
import type { ProviderExecEvent } from '../../ledger/kernel-event-schema';
import type { SpanDraft } from '../../ledger/span-draft';
import { takeRun } from '../daily-quota';
import { isConflict, isObject, objectOf } from '../json';
import type { KernelContext, KernelError, KernelOutcome } from '../kernel-context';
import { MAX_STORED_BYTES, type Provider, parseProvider, Refusal } from './provider';
import { callProvider, type ProviderResult } from './provider-call';
import { findProvider } from './provider-lookup';
import { type ProviderRequest, requestOf } from './provider-request';

const ERROR_CODES: readonly KernelError['code'][] = [
  'not_found',
  'forbidden',
  'boot_refused',
  'malformed',
  'quota_exceeded',
  'function_failed',
  'unavailable',
];

interface Call {
  /** Id or name. */
  readonly provider: { readonly id: string } | { readonly name: string };
  readonly input: JsonValue;
  readonly traceId: string | undefined;
  /** Set by the request worker. */
  readonly requestId: string | undefined;
  readonly attempt: number;
}

/**
 * Calls the external service that a `provider` span describes, and records the call as one `provider_execution` span.
 * The event is `{provider_id, input}` or `{provider: name, input}`.
 *
 * Allowed providers: those of the caller's tenant that the caller may read, and public ones of the system. Another
 * tenant's provider is refused even when it is public, because its owner chose where the input goes.
 *
 * API keys: `metadata.secret` names a key of the *provider's* tenant, read from the secret store as `<tenant>/<name>`. A
 * provider span can only be appended in its owner's own tenant, so no span of tenant B reaches a key of tenant A. Every
 * user of a tenant may use the tenant's keys. The key is sent in a header and never put into a span, log line or error.
 *
 * A call takes one of the tenant's runs of the day, and is refused once the processor time of the day is used up. It
 * adds nothing to that time, since no code of the tenant runs: its cost is bounded by the sizes of input and answer and
 * by the number of attempts.
 *
 * A refusal before the call (no such provider, malformed metadata or input, no quota) leaves no execution. The same
 * request and attempt never leave two.
 */
export async function main(ctx: KernelContext, event: ProviderExecEvent): Promise<KernelOutcome> {
  try {
    return await execute(ctx, readEvent(event));
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, error: error.kernelError, execution: null };
    throw error;
  }
}

async function execute(ctx: KernelContext, call: Call): Promise<KernelOutcome> {
  const recorded = await executionOf(ctx, call);
  if (recorded !== null) return outcomeOf(recorded);
  const provider = parseProvider(await findProvider(ctx, call.provider));
  const request = requestOf(provider, call.input);
  const exhausted = await takeRun(ctx, 'provider_exec', provider.id);
  if (exhausted !== null) return { ok: false, error: exhausted, execution: null };
  const id = (await executionIdOf(ctx, call)) ?? ctx.crypto.randomUUID();
  const startedMs = performance.now();
  const result = await callProvider(ctx, provider, request, {
    'idempotency-key': await idempotencyKeyOf(ctx, call),
    ...traceparentOf(call, id),
  });
  return record(ctx, {
    id,
    call,
    provider,
    request,
    result,
    durationMs: performance.now() - startedMs,
  });
}

function readEvent(event: ProviderExecEvent): Call {
  const { provider_id: id, provider: name, input = null } = event;
  const provider = id !== undefined ? { id: id.toLowerCase() } : name !== undefined ? { name } : undefined;
  if (provider === undefined) {
    const form = '{"provider_id": "…", "input": …} or {"provider": "name", "input": …}';
    throw new Refusal('malformed', `Name the provider: ${form}.`);
  }
  if (new TextEncoder().encode(JSON.stringify(input)).length > MAX_STORED_BYTES) {
    throw new Refusal('malformed', `The input is larger than ${MAX_STORED_BYTES} bytes.`);
  }
  return {
    provider,
    input,
    traceId: event.trace_id,
    requestId: event.request_id,
    attempt: event.attempt ?? 1,
  };
}

/** The id of the record of a request's attempt. It covers the identity, so that two callers cannot share one. */
async function executionIdOf(ctx: KernelContext, { requestId, attempt }: Call): Promise<string | undefined> {
  const { tenant, user } = ctx.identity;
  return requestId && ctx.stableId('provider_execution', tenant, user, requestId, String(attempt));
}

/** The same for all attempts of one request, so that a service that supports `Idempotency-Key` acts once. */
async function idempotencyKeyOf(ctx: KernelContext, { requestId }: Call): Promise<string> {
  const { tenant, user } = ctx.identity;
  return requestId === undefined
    ? ctx.crypto.randomUUID()
    : ctx.stableId('provider_call', tenant, user, requestId);
}

/**
 * The header that continues the run's trace (W3C Trace Context section 3.2); none for a `trace_id` of another form.
 * @param id of the record, whose last 16 digits are the parent id
 */
function traceparentOf({ traceId }: Call, id: string): { traceparent?: string } {
  if (traceId === undefined || !/^(?!0+$)[0-9a-f]{32}$/.test(traceId)) return {};
  // The last 16 digits of a UUID begin with its variant, so they are never all zero.
  return { traceparent: `00-${traceId}-${id.replaceAll('-', '').slice(16)}-01` };
}

/** The record of this attempt, if there is one. Only a record of the same identity counts. */
async function executionOf(ctx: KernelContext, call: Call): Promise<SignedSpan | null> {
  const id = await executionIdOf(ctx, call);
  const span = id === undefined ? null : await ctx.readSpan(id);
  return span !== null && isOwn(ctx, span) && span.entity_type === 'provider_execution' ? span : null;
}

function isOwn({ identity }: KernelContext, { owner_id: owner, tenant_id: tenant }: SignedSpan): boolean {
  return owner === identity.user && tenant === identity.tenant;
}

interface Finished {
  /** Of the record. */
  readonly id: string;
  readonly call: Call;
  readonly provider: Provider;
  readonly request: ProviderRequest;
  readonly result: ProviderResult;
  readonly durationMs: number;
}

/** Records the call; the caller's outcome is read from the record. */
async function record(ctx: KernelContext, finished: Finished): Promise<KernelOutcome> {
  const { call } = finished;
  const draft = executionDraft(finished, await visibilityOf(ctx, call));
  try {
    return outcomeOf(await ctx.insertSpan(draft));
  } catch (error) {
    if (!isConflict(error)) throw error;
    // Another worker recorded this attempt while this one waited for the service: its record stands.
    const recorded = await executionOf(ctx, call);
    if (recorded !== null) return outcomeOf(recorded);
    // Another span has the id, so the call is recorded under a random one.
    ctx.log('warn', 'id of an execution was taken', {
      provider_id: finished.provider.id,
      attempt: call.attempt,
    });
    return outcomeOf(await ctx.insertSpan({ ...draft, id: ctx.crypto.randomUUID() }));
  }
}

/** The visibility of the request, which has the same input, else private; not that of the provider, which may be public. */
async function visibilityOf(ctx: KernelContext, { requestId }: Call): Promise<Visibility> {
  const request = requestId === undefined ? null : await ctx.readSpan(requestId);
  return request !== null && isOwn(ctx, request) ? request.visibility : 'private';
}

function executionDraft(
  { id, call, provider, request, result, durationMs }: Finished,
  visibility: Visibility,
): SpanDraft {
  const { outcome, attempts, httpStatus } = result;
  return {
    id,
    entity_type: 'provider_execution',
    who: 'provider_exec',
    did: 'called',
    this: provider.name,
    name: provider.name,
    status: outcome.ok ? 'complete' : 'error',
    visibility,
    parent_id: provider.id,
    related_to: call.requestId === undefined ? [provider.id] : [provider.id, call.requestId],
    input: call.input,
    ...(outcome.ok ? { output: outcome.output } : { error: jsonOf(outcome.error) }),
    duration_ms: Math.round(durationMs),
    ...(call.traceId === undefined ? {} : { trace_id: call.traceId }),
    metadata: {
      provider_id: provider.id,
      provider_seq: provider.seq,
      kind: provider.kind,
      host: new URL(provider.baseUrl).host,
      attempts,
      ...(request.model === undefined ? {} : { model: request.model }),
      ...(httpStatus === undefined ? {} : { http_status: httpStatus }),
      ...(outcome.ok && isObject(outcome.output.usage) ? { usage: outcome.output.usage } : {}),
      ...(call.requestId === undefined ? {} : { request_id: call.requestId, attempt: call.attempt }),
    },
  };
}

function jsonOf({ code, message, retry_after_s: retryAfter, cause }: KernelError): JsonObject {
  return {
    code,
    message,
    ...(retryAfter === undefined ? {} : { retry_after_s: retryAfter }),
    ...(cause === undefined ? {} : { cause }),
  };
}

function outcomeOf(execution: SignedSpan): KernelOutcome {
  if (execution.status === 'complete') return { ok: true, result: execution.output ?? null, execution };
  const { code, message, retry_after_s: retryAfter, cause } = objectOf(execution.error);
  return {
    ok: false,
    error: {
      code: ERROR_CODES.find((known) => known === code) ?? 'function_failed',
      message: typeof message === 'string' ? message : 'The call failed.',
      ...(typeof retryAfter === 'number' ? { retry_after_s: retryAfter } : {}),
      ...(cause === undefined ? {} : { cause }),
    },
    execution,
  };
}

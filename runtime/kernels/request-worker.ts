import type { JsonObject, JsonValue, SignedSpan } from '../base/span';
import { isConflict, objectOf } from './json';
import type { KernelContext, KernelError, KernelOutcome } from './kernel-context';
import { SpanRoom } from './span-room';
import { KERNEL_IDS } from './stable-ids';

/** Attempts of a request before it ends as `error`. */
const MAX_ATTEMPTS = 3;
/** A worker that does not renew its lease for this long counts as dead. */
const LEASE_SECONDS = 15;
const RENEW_MS = 5_000;
/** Seconds before the second and the third attempt. */
const BACKOFF_SECONDS = [2, 6];
/** Requests that one tick runs concurrently. */
const CONCURRENCY = 4;
/** A tick claims no new request when less than this is left of its time. */
const RESERVE_MS = 8_000;
/** Most requests of one tick, so that it ends however many arrive meanwhile. */
const MAX_PER_TICK = 1_000;
/** Interval at which a free slot polls for requests while the worker's other slots are busy. */
const POLL_MS = 250;

/** Errors that a retry cannot resolve. */
const FINAL: ReadonlySet<KernelError['code']> = new Set([
  'not_found',
  'forbidden',
  'boot_refused',
  'malformed',
  'quota_exceeded',
]);

interface Claim {
  readonly request_id: string;
  readonly tenant_id: string;
  readonly owner_id: string;
  readonly attempt: number;
  readonly lease_id: string;
}

/**
 * Claims due requests, round-robin by tenant and first in, first out within one, and runs each through its kernel. Any
 * number of workers may run concurrently, on any number of machines: a claim takes a short row lock and then a lease. The
 * version chain of the request is the fencing token: of two workers with the same request, only one can append.
 */
export async function main(ctx: KernelContext): Promise<JsonValue> {
  const tick: Tick = {
    claimed: 0,
    complete: 0,
    failed: 0,
    retried: 0,
    running: new Map(),
    claiming: Promise.resolve(),
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, () => drain(ctx, tick)));
  const { running: _running, claiming: _claiming, ...counts } = tick;
  return counts;
}

interface Tick {
  claimed: number;
  complete: number;
  failed: number;
  retried: number;
  /** Current runs of each tenant in this worker. */
  readonly running: Map<string, number>;
  /** The claim in progress; the next one waits for it, to know its tenant. */
  claiming: Promise<unknown>;
}

async function drain(ctx: KernelContext, tick: Tick): Promise<void> {
  while (tick.claimed < MAX_PER_TICK && ctx.remainingMs() > RESERVE_MS) {
    const claim = await claimInTurn(ctx, tick);
    if (claim === null) {
      if (tick.running.size === 0) return;
      // The tick goes on while others of its requests run: new ones must not wait for the next tick.
      await ctx.sleep(POLL_MS);
      continue;
    }
    try {
      tick[await work(ctx, claim)] += 1;
    } catch (error) {
      // The lease expires and the request is claimed again; the other requests of this tick go on.
      ctx.log('error', 'request attempt broke off', {
        request_id: claim.request_id,
        attempt: claim.attempt,
        reason: error instanceof Error ? error.message : String(error),
      });
      tick.retried += 1;
    } finally {
      count(tick.running, claim.tenant_id, -1);
    }
  }
}

function count(running: Map<string, number>, tenant: string, change: number): void {
  const runs = (running.get(tenant) ?? 0) + change;
  if (runs > 0) running.set(tenant, runs);
  else running.delete(tenant);
}

async function claimInTurn(ctx: KernelContext, tick: Tick): Promise<Claim | null> {
  const claiming = tick.claiming.then(async () => {
    const claim = await claimNext(ctx, tick);
    if (claim === null) return null;
    tick.claimed += 1;
    count(tick.running, claim.tenant_id, 1);
    return claim;
  });
  tick.claiming = claiming.catch(() => undefined);
  return claiming;
}

/** Claims a request. One tenant gets all slots of a worker but one, so that its endless runs leave a slot to others. */
async function claimNext(ctx: KernelContext, { running }: Tick): Promise<Claim | null> {
  const excluded = [...running].filter(([, runs]) => runs >= CONCURRENCY - 1).map(([tenant]) => tenant);
  const { rows } = await ctx.workSql<Claim>`
    SELECT request_id, tenant_id, owner_id, attempt, lease_id
    FROM app.claim_request(${LEASE_SECONDS}::int, ${excluded}::text[])`;
  return rows[0] ?? null;
}

async function work(ctx: KernelContext, claim: Claim): Promise<'complete' | 'failed' | 'retried'> {
  const owner = ctx.as({ user: claim.owner_id, tenant: claim.tenant_id });
  const request = await owner.readSpan(claim.request_id);
  if (request === null || request.is_deleted || request.status === 'complete' || request.status === 'error') {
    await ctx.workSql`SELECT app.drop_request(${claim.request_id}::uuid, ${claim.lease_id}::uuid)`;
    return 'complete';
  }
  if (claim.attempt > MAX_ATTEMPTS) {
    await end(owner, request, claim, {
      ok: false,
      error: {
        code: 'unavailable',
        message: `The worker died in each of ${MAX_ATTEMPTS} attempts; the request is given up.`,
      },
      execution: null,
    });
    return 'failed';
  }
  const running = await append(owner, request, claim, { status: 'running' }).catch((error) => {
    if (!isRefused(error)) throw error;
    return error;
  });
  if (running === null) return 'retried';
  if (running instanceof Error) {
    // No later attempt could append it either.
    const message = `The request cannot get a further version: ${running.message}`;
    await end(owner, request, claim, { ok: false, error: { code: 'malformed', message }, execution: null });
    return 'failed';
  }
  const outcome = await underLease(ctx, claim, () => start(owner, running, claim));
  if (outcome.ok) {
    await end(owner, running, claim, outcome);
    return 'complete';
  }
  if (FINAL.has(outcome.error.code) || claim.attempt >= MAX_ATTEMPTS) {
    await end(owner, running, claim, outcome);
    return 'failed';
  }
  await retryLater(ctx, claim, outcome.error);
  return 'retried';
}

/** Starts the kernel for a request: provider_exec by its own id, else run_code with the function. */
function start(owner: KernelContext, request: SignedSpan, claim: Claim): Promise<KernelOutcome> {
  const input = request.input ?? null;
  // Spread after the input, so that the input cannot override them.
  const shared = {
    trigger: 'request',
    request_id: request.id,
    attempt: claim.attempt,
    ...(request.trace_id === undefined || request.trace_id === null ? {} : { trace_id: request.trace_id }),
    ...parentSpanOf(request),
  };
  const target = functionIdOf(request);
  if (target === null) {
    const message = 'The request names no function: set parent_id to the id of the function.';
    return Promise.resolve({ ok: false, error: { code: 'malformed', message }, execution: null });
  }
  if (target === KERNEL_IDS.provider_exec)
    return owner.invoke('provider_exec', { ...objectOf(input), ...shared });
  if (target === KERNEL_IDS.run_code) return owner.invoke('run_code', { ...objectOf(input), ...shared });
  return owner.invoke('run_code', { function_id: target, input, ...shared });
}

/** The parent span of the run in its trace, if Stage-0 recorded one. */
function parentSpanOf({ metadata }: SignedSpan): { parent_span_id?: string } {
  const { parent_span_id: parent } = objectOf(metadata);
  return typeof parent === 'string' ? { parent_span_id: parent } : {};
}

/** The requested function: `parent_id`; for requests of other programs, metadata.function_id or the first related_to. */
function functionIdOf(request: SignedSpan): string | null {
  const inMetadata = objectOf(request.metadata).function_id;
  return (
    request.parent_id ?? (typeof inMetadata === 'string' ? inMetadata : (request.related_to?.[0] ?? null))
  );
}

/** Renews the lease while the run lasts, so that only a dead worker loses it. */
async function underLease(
  ctx: KernelContext,
  claim: Claim,
  run: () => Promise<KernelOutcome>,
): Promise<KernelOutcome> {
  let over = false;
  const running = run().finally(() => {
    over = true;
  });
  const renew = async (): Promise<void> => {
    while (!over) {
      await ctx.sleep(RENEW_MS, running);
      if (over) return;
      await ctx.workSql`
        SELECT app.renew_request(${claim.request_id}::uuid, ${claim.lease_id}::uuid, ${LEASE_SECONDS}::int)`;
    }
  };
  // A failed renewal lets the lease expire, but does not fail the run.
  await Promise.all([running, renew().catch(() => undefined)]);
  return running;
}

async function end(
  owner: KernelContext,
  request: SignedSpan,
  claim: Claim,
  outcome: KernelOutcome,
): Promise<void> {
  const execution = outcome.execution === null ? {} : { execution_id: outcome.execution.id };
  const { output: _o, error: _e, ...members } = request;
  const room = new SpanRoom();
  const kept = room.keep(members as unknown as JsonObject);
  const last: NextVersion = outcome.ok
    ? { status: 'complete', output: room.put(outcome.result), ...execution }
    : { status: 'error', error: room.put(outcome.error as unknown as JsonValue), ...execution };
  await append(owner, { ...request, ...kept }, claim, last);
}

/** Whether the ledger refuses a span for what it is, so that trying again is no use. */
function isRefused(error: unknown): error is Error {
  const { code } = error as { readonly code?: unknown };
  return error instanceof Error && (code === 'too_large' || code === 'malformed');
}

interface NextVersion {
  readonly status: 'running' | 'complete' | 'error';
  readonly output?: JsonValue;
  readonly error?: JsonValue;
  readonly execution_id?: string;
}

/** Appends the request's next version; null when another worker has. A trigger updates the queue row. */
async function append(
  owner: KernelContext,
  request: SignedSpan,
  claim: Claim,
  next: NextVersion,
): Promise<SignedSpan | null> {
  const { curr_hash, signature: _s, public_key: _k, at: _at, output: _o, error: _e, ...members } = request;
  const { execution_id, ...changed } = next;
  try {
    return await owner.insertSpan({
      ...members,
      ...changed,
      seq: request.seq + 1,
      prev_hash: curr_hash,
      metadata: {
        ...objectOf(request.metadata),
        attempt: claim.attempt,
        ...(execution_id === undefined ? {} : { execution_id }),
      },
    });
  } catch (error) {
    if (isConflict(error)) return null;
    throw error;
  }
}

async function retryLater(ctx: KernelContext, claim: Claim, error: KernelError): Promise<void> {
  const seconds = BACKOFF_SECONDS[claim.attempt - 1] ?? 6;
  ctx.log('info', 'request will be tried again', {
    request_id: claim.request_id,
    attempt: claim.attempt,
    code: error.code,
  });
  await ctx.workSql`
    SELECT app.put_off_request(${claim.request_id}::uuid, ${claim.lease_id}::uuid, ${seconds}::int)`;
}

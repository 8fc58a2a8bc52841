import {
  BootRefusedError,
  ForbiddenError,
  NotFoundError,
  QuotaExceededError,
  UnavailableError,
} from '../base/errors';
import { type Identity, isSameIdentity, NOBODY, SYSTEM } from '../base/identity';
import type { JsonValue, SignedSpan } from '../base/span';
import { asLogLineError } from '../db/database-error';
import type { Database } from '../db/pool';
import { runStatement } from '../db/query-as';
import { objectOf } from '../json/json-object';
import type { KernelOutcome } from '../kernels/kernel-context';
import { type KernelName, kernelOf } from '../kernels/stable-ids';
import { insertSpan } from '../ledger/insert-span';
import { readLatest } from '../ledger/span-reader';
import type { SpanWriter } from '../ledger/span-writer';
import type { BootGuard } from './boot-guard';
import type { FunctionCall, FunctionResult, FunctionStarter } from './function-starter';
import { callerErrorOf, type InvokeOptions, type KernelInvoker } from './kernel-invoker';
import { isTickKernel } from './kernel-table';

const DAY_S = 86_400;

export interface KernelFunctionStarterOptions {
  readonly database: Database;
  readonly writer: SpanWriter;
  readonly guard: BootGuard;
  readonly invoker: KernelInvoker;
}

/** Starts the function of `POST /api/execute`, and records every boot and refused boot. */
export class KernelFunctionStarter implements FunctionStarter {
  readonly #database: Database;
  readonly #writer: SpanWriter;
  readonly #guard: BootGuard;
  readonly #invoker: KernelInvoker;

  constructor({ database, writer, guard, invoker }: KernelFunctionStarterOptions) {
    this.#database = database;
    this.#writer = writer;
    this.#guard = guard;
    this.#invoker = invoker;
  }

  async run(call: FunctionCall): Promise<FunctionResult> {
    const kernel = kernelOf(call.functionId);
    try {
      await this.#boot(call, kernel);
    } catch (error) {
      throw beforeTheRun(error);
    }
    const startedMs = performance.now();
    const outcome = await this.#start(call, kernel);
    if (!outcome.ok) {
      if (outcome.error.code === 'boot_refused')
        await this.#recordBoot(call, 'refused', undefined, outcome.error.message);
      throw callerErrorOf(outcome.error, call.functionId, outcome.execution);
    }
    const execution =
      outcome.execution ??
      (await this.#recordTick(call, outcome.result, Math.round(performance.now() - startedMs)));
    return { result: outcome.result, execution };
  }

  async request(call: FunctionCall): Promise<SignedSpan> {
    const kernel = kernelOf(call.functionId);
    if (kernel !== undefined && isTickKernel(kernel)) {
      throw new ForbiddenError(
        'A kernel that runs on a schedule takes no requests; run it without respond-async.',
      );
    }
    const identity = identityOf(call);
    await this.#refuseForeign(identity, call.functionId);
    await this.#refuseExhausted(identity);
    const draft = {
      entity_type: 'request',
      who: call.caller.user,
      did: 'requested',
      this: call.functionId,
      status: 'scheduled',
      parent_id: call.functionId,
      related_to: [call.functionId],
      ...(call.input === undefined ? {} : { input: call.input }),
      trace_id: call.traceId,
      metadata: { function_id: call.functionId, ...parentOf(call) },
    };
    // Its input is the caller's, as in any append.
    return insertSpan(this.#writer, identity, draft, { isLimited: true });
  }

  /** Functions that the manifest lists boot with trust; all others run as the caller's own code. */
  async #boot(call: FunctionCall, kernel: KernelName | undefined): Promise<void> {
    if (kernel !== undefined && isTickKernel(kernel) && !isOperator(call)) {
      throw new ForbiddenError(
        'This kernel works for all tenants: the schedule starts it, or tenant system with the scope admin.',
      );
    }
    try {
      const { allowedBootIds } = await this.#guard.manifest();
      const isListed = kernel !== undefined || allowedBootIds.includes(call.functionId);
      if (!isListed) return;
      const span = await (kernel === undefined
        ? this.#guard.trusted(call.functionId)
        : this.#guard.kernel(kernel));
      await this.#recordBoot(call, 'booted', span);
    } catch (error) {
      if (error instanceof BootRefusedError)
        await this.#recordBoot(call, 'refused', undefined, error.message);
      throw error;
    }
  }

  #start(call: FunctionCall, kernel: KernelName | undefined): Promise<KernelOutcome> {
    const identity = identityOf(call);
    const shared = { trace_id: call.traceId, trigger: 'execute', ...parentOf(call) };
    if (kernel === undefined) {
      const run = { function_id: call.functionId, input: call.input ?? null, ...shared };
      return this.#invoker.invoke('run_code', identity, run, abortedWith(call));
    }
    const isTick = isTickKernel(kernel);
    // Only the request worker may set an attempt number or a request id.
    const { request_id: _r, attempt: _a, trigger: _t, parent_span_id: _p, ...event } = objectOf(call.input);
    if (isTick) return this.#invoker.invoke(kernel, NOBODY, event);
    // A provider call is not aborted when the caller hangs up: the service may have acted already.
    const options = kernel === 'run_code' ? abortedWith(call) : {};
    return this.#invoker.invoke(kernel, identity, { ...event, ...shared }, options);
  }

  async #refuseForeign(identity: Identity, functionId: string): Promise<void> {
    const span = await readLatest(this.#database, identity, functionId);
    if (span === undefined || span.is_deleted) throw new NotFoundError('There is no such function for you.');
    const { allowedBootIds } = await this.#guard.manifest();
    const isOwn = isSameIdentity(identity, { user: span.owner_id, tenant: span.tenant_id });
    if (!isOwn && !allowedBootIds.includes(functionId)) {
      throw new ForbiddenError('Only its owner may run a function; append your own copy of it.');
    }
  }

  async #refuseExhausted(identity: Identity): Promise<void> {
    const { perTenantDailyExecLimit: limit, perTenantDailyCpuMs: cpuLimitMs } = await this.#guard.manifest();
    const day = new Date().toISOString().slice(0, 10);
    const [row] = await runStatement(this.#database, identity, 'runs_of_day', [identity.tenant, day]);
    const hasRuns = (row?.used ?? 0) < limit;
    if (hasRuns && (cpuLimitMs === undefined || (row?.cpu_ms ?? 0) < cpuLimitMs)) return;
    const [unit, quota] = hasRuns ? ['ms of processor time', cpuLimitMs ?? 0] : ['runs', limit];
    const midnight = Date.parse(`${day}T00:00:00Z`) + DAY_S * 1000;
    throw new QuotaExceededError(`The quota of ${quota} ${unit} a day is used up; it resets at 00:00 UTC.`, {
      retryAfterSeconds: Math.max(1, Math.ceil((midnight - Date.now()) / 1000)),
      rateLimit: { policy: `${unit} a day`, quota, windowSeconds: DAY_S },
    });
  }

  async #recordBoot(
    call: FunctionCall,
    status: 'booted' | 'refused',
    span: SignedSpan | undefined,
    reason?: string,
  ): Promise<void> {
    await insertSpan(this.#writer, identityOf(call), {
      entity_type: 'boot_event',
      who: 'stage0',
      did: status === 'booted' ? 'booted' : 'refused',
      this: call.functionId,
      status,
      related_to: [call.functionId],
      trace_id: call.traceId,
      ...(reason === undefined ? {} : { error: { message: reason } }),
      ...(span === undefined ? {} : { metadata: { function_seq: span.seq, function_hash: span.curr_hash } }),
    });
  }

  #recordTick(call: FunctionCall, result: JsonValue, durationMs: number): Promise<SignedSpan> {
    return insertSpan(this.#writer, identityOf(call), {
      entity_type: 'execution',
      who: 'stage0',
      did: 'executed',
      this: call.functionId,
      status: 'complete',
      parent_id: call.functionId,
      related_to: [call.functionId],
      output: result,
      duration_ms: durationMs,
      trace_id: call.traceId,
    });
  }
}

/** Makes the run a child of the request in the trace. */
function parentOf({ spanId }: FunctionCall): { parent_span_id?: string } {
  return spanId === undefined ? {} : { parent_span_id: spanId };
}

function abortedWith({ signal }: FunctionCall): InvokeOptions {
  return signal === undefined ? {} : { signal };
}

/** Tells a client that a retry runs nothing twice. */
function beforeTheRun(error: unknown): unknown {
  const known = asLogLineError(error);
  if (!(known instanceof UnavailableError)) return error;
  const { message, retryAfterSeconds = 1 } = known;
  return new UnavailableError(message, { retryAfterSeconds, members: { began: false }, cause: error });
}

function identityOf({ caller }: FunctionCall): Identity {
  return { user: caller.user, tenant: caller.tenant };
}

/** Scopes apply within a tenant; only the operator's tenant may act across tenants. */
function isOperator({ caller }: FunctionCall): boolean {
  return caller.tenant === SYSTEM.tenant && caller.scopes.has('admin');
}

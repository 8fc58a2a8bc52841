import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { FairTurns } from '../base/fair-turns';
import { type Identity, NOBODY } from '../base/identity';
import type { JsonValue, Span } from '../base/span';
import { blake3, ed25519, hex, toU8 } from '../crypto';
import type { Database } from '../db/pool';
import { queryAs, type Statement } from '../db/query-as';
import type { Reader } from '../db/reader';
import { withPg } from '../db/with-pg';
import type {
  KernelContext,
  KernelOutcome,
  OutgoingRequest,
  OutgoingResponse,
} from '../kernels/kernel-context';
import type { KernelName } from '../kernels/stable-ids';
import type { KeyRing } from '../ledger/keys/key-ring';
import { now } from '../ledger/now';
import { completeSpan, type SpanDraft } from '../ledger/span-draft';
import { parseDrafts } from '../ledger/span-input';
import { readFeed, readLatest } from '../ledger/span-reader';
import { signSpan, verifySpanCached } from '../ledger/span-signature';
import type { SpanWriter } from '../ledger/span-writer';
import { stableId, stableIdSalt } from '../ledger/stable-id';
import { TenantSalts } from '../ledger/tenant-salts';
import type { Logger } from '../log/logger';
import type { SandboxOutcome, SandboxPool } from '../sandbox';
import { BootGuard } from './boot-guard';
import { guestCalls } from './guest-calls';
import type { InvokeOptions, KernelInvoker } from './kernel-invoker';
import { kernelErrorOf } from './kernel-invoker';
import { KERNELS } from './kernels';
import { dueTimes, nextDueTime } from './schedule-expression';
import { storableOutcome } from './storable-outcome';
import { Turns } from './turns';
import { UserSql } from './user-sql';

export interface KernelHostOptions {
  readonly database: Database;
  /** For SQL of user code, as the role of guests. */
  readonly guest: Database;
  /** The same on a standby. Defaults to none. */
  readonly guestReader?: Reader | undefined;
  /** Connects as `logline_kernel`, which finds and claims work of all tenants. */
  readonly kernelDatabase: Database;
  readonly writer: SpanWriter;
  readonly keys: () => KeyRing;
  readonly sandbox: SandboxPool;
  readonly logger: Logger;
  /** How kernels call services outside. */
  readonly fetch: (request: OutgoingRequest, allowedHosts: readonly string[]) => Promise<OutgoingResponse>;
  /** Provider API keys by name. */
  readonly secrets: { get(name: string): Promise<string | undefined> };
  /** Called after each kernel run that a caller started; must not take long. */
  readonly onInvoked?: (invoked: InvokedKernel) => void;
  /** How kernels start each other. Defaults to this host itself. */
  readonly invoker?: KernelInvoker;
  /** Turns of the main thread, shared with the writer. Defaults to turns of its own. */
  readonly turns?: FairTurns;
}

/** A kernel run that a caller started, for traces. */
export interface InvokedKernel {
  readonly kernel: KernelName;
  readonly event: JsonValue;
  readonly outcome: KernelOutcome;
  readonly durationMs: number;
}

export interface KernelRunOptions {
  /** Defaults to none: a tick finds its work by ids. */
  readonly identity?: Identity;
  /** Time the run may take. Defaults to 55,000. */
  readonly timeoutMs?: number;
  /** Ends waiting and user code early, when the process is stopping or the caller has gone. */
  readonly signal?: AbortSignal;
  /** Of a job that runs one at a time: checked in each transaction of `workSql`. Defaults to none. */
  readonly lease?: JobLease;
}

/** The lease of a job's only run, in `app.job_run`. */
export interface JobLease {
  readonly job: string;
  readonly id: string;
}

const DEFAULT_TIMEOUT_MS = 55_000;
/**
 * Runs of one tenant at a time that are admitted or recorded, besides those in a sandbox; further ones wait. All tenants
 * share the connections for that, first come, first served, so that one with hundreds of runs would hold them all.
 */
const RUNS_BESIDE_SANDBOX = 5;
/** Runs that wait; the API and the request worker start fewer. */
const MAX_WAITING_RUNS = 2_000;
const NEVER = new AbortController().signal;

interface RunState {
  readonly kernel: KernelName;
  /** By `performance.now`, which no setting of the clock moves. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  readonly lease: JobLease | undefined;
}

/** Boots kernels and gives them their `ctx`, through which alone they reach database, sandbox and network. */
export class KernelHost implements KernelInvoker {
  readonly guard: BootGuard;
  readonly #options: KernelHostOptions;
  readonly #userSql: UserSql;
  readonly #salts: TenantSalts;
  readonly #runs: Turns;
  readonly #turns: FairTurns;

  constructor(options: KernelHostOptions) {
    this.#options = options;
    this.#turns = options.turns ?? new FairTurns();
    this.#userSql = new UserSql({ writer: options.guest, reader: options.guestReader });
    this.#salts = new TenantSalts(options.kernelDatabase);
    this.#runs = new Turns({
      size: Number.POSITIVE_INFINITY,
      perLane: options.sandbox.maxRunningPerLane + RUNS_BESIDE_SANDBOX,
      maxWaiting: MAX_WAITING_RUNS,
    });
    this.guard = new BootGuard(options.database, options.keys);
  }

  /**
   * Boots a kernel and runs it once.
   * @returns what its `main` returns
   * @throws BootRefusedError when it may not boot; MalformedError for an event that it does not take; whatever the kernel throws.
   */
  async run(
    kernel: KernelName,
    event: JsonValue,
    options: KernelRunOptions = {},
  ): Promise<JsonValue | KernelOutcome> {
    await this.guard.kernel(kernel);
    const deadlineMs = performance.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const identity = options.identity ?? NOBODY;
    const run = { kernel, deadlineMs, signal: options.signal, lease: options.lease };
    return KERNELS[kernel](this.#contextOf(run, identity), event);
  }

  /** Runs a kernel for a caller. Never throws: failures are outcomes. */
  async invoke(
    kernel: KernelName,
    identity: Identity,
    event: JsonValue,
    options: InvokeOptions & Pick<KernelRunOptions, 'timeoutMs'> = {},
  ): Promise<KernelOutcome> {
    const startedMs = performance.now();
    const outcome = await this.#outcomeOf(kernel, identity, event, options);
    this.#options.onInvoked?.({ kernel, event, outcome, durationMs: performance.now() - startedMs });
    return outcome;
  }

  async #outcomeOf(
    kernel: KernelName,
    identity: Identity,
    event: JsonValue,
    options: KernelRunOptions,
  ): Promise<KernelOutcome> {
    try {
      const run = () => this.run(kernel, event, { ...options, identity });
      const outcome = await (kernel === 'run_code'
        ? this.#runs.take(identity.tenant, options.signal ?? NEVER, run)
        : run());
      return isOutcome(outcome) ? outcome : { ok: true, result: outcome, execution: null };
    } catch (error) {
      if (options.signal?.aborted && error === options.signal.reason) {
        const message = 'The run was ended before it began.';
        return { ok: false, error: { code: 'unavailable', message }, execution: null };
      }
      this.#options.logger.error(
        { function: kernel, tenant: identity.tenant || undefined, err: error },
        'kernel failed',
      );
      return { ok: false, error: kernelErrorOf(error), execution: null };
    }
  }

  #contextOf(run: RunState, identity: Identity): KernelContext {
    const { database, kernelDatabase, writer, keys, logger, secrets } = this.#options;
    const context: KernelContext = {
      identity,
      env: {
        APP_USER_ID: identity.user,
        APP_TENANT_ID: identity.tenant,
        // Read only when asked for: most kernels never touch it.
        get SIGNING_KEY_HEX() {
          return keys().current.secretKeyHex();
        },
      },
      crypto: {
        blake3,
        ed25519: { sign: ed25519.sign, verify: ed25519.verify, getPublicKey: ed25519.publicKey },
        hex,
        toU8,
        randomUUID,
      },
      now,
      as: (other) => this.#contextOf(run, other),
      sql: async <Row>(strings: TemplateStringsArray, ...values: readonly unknown[]) => {
        const { rows } = await queryAs(database, identity, { ...kernelStatement(strings), values });
        return { rows: rows as Row[] };
      },
      workSql: async <Row>(strings: TemplateStringsArray, ...values: readonly unknown[]) => {
        const { rows } = await workOf(kernelDatabase, run.lease, { ...kernelStatement(strings), values });
        return { rows: rows as Row[] };
      },
      insertSpan: (async (given: SpanDraft | readonly SpanDraft[]) => {
        const drafts = Array.isArray(given) ? given : [given];
        const { spans } = await writer.append(identity, parseDrafts(drafts, drafts.length > 1));
        return Array.isArray(given) ? spans : spans[0];
      }) as KernelContext['insertSpan'],
      signSpan: async (draft) => signSpan(completeSpan(draft, identity, new Date()), keys().current),
      verifySpan: async (span) => verifySpanCached(span as unknown as Partial<Span>),
      stableId: async (...parts) =>
        stableId((await this.#salts.of(identity.tenant)) ?? stableIdSalt(keys()), ...parts),
      readSpan: async (id) => (await readLatest(database, identity, id)) ?? null,
      feed: (after, limit) => readFeed(database, identity, after, limit),
      manifest: () => this.guard.manifest(),
      sandbox: (task) => this.#runGuest(run, identity, task),
      invoke: (kernel, event) => (this.#options.invoker ?? this).invoke(kernel, identity, event),
      dueTimes,
      nextDueTime,
      fetch: (request, allowedHosts) => this.#options.fetch(request, allowedHosts),
      secret: (name) => secrets.get(name),
      sleep: (ms, over) => sleep(ms, over, run.signal),
      remainingMs: () => (run.signal?.aborted ? 0 : Math.max(0, run.deadlineMs - performance.now())),
      log: (level, message, fields) =>
        logger[level]({ function: run.kernel, tenant: identity.tenant || undefined, ...fields }, message),
    };
    return context;
  }

  async #runGuest(
    run: RunState,
    identity: Identity,
    task: Parameters<KernelContext['sandbox']>[0],
  ): Promise<SandboxOutcome> {
    const { writer, keys, sandbox } = this.#options;
    const { trusted = false, pure = false, seenXmax, ...code } = task;
    const outcome = await sandbox.run({
      ...code,
      env: {
        APP_USER_ID: identity.user,
        APP_TENANT_ID: identity.tenant,
        ...(trusted && !pure ? { SIGNING_KEY_HEX: keys().current.secretKeyHex() } : {}),
      },
      hostCall: guestCalls({
        sql: this.#userSql.ofRun(identity, seenXmax),
        writer,
        keys,
        identity,
        pure,
        turns: this.#turns,
      }),
      lane: identity.tenant,
      ...(run.signal === undefined ? {} : { signal: run.signal }),
    });
    return storableOutcome(outcome);
  }
}

/** Checks the lease within each transaction, so that a run that lost it writes nothing more. */
function workOf(database: Database, lease: JobLease | undefined, statement: Statement) {
  if (lease === undefined) return queryAs(database, NOBODY, statement);
  return withPg(database, NOBODY, async ({ client }) => {
    const held = client.query({
      name: 'hold_job',
      text: 'SELECT app.hold_job($1::text, $2::uuid)',
      values: [lease.job, lease.id],
    });
    const [, answer] = await Promise.all([
      held,
      client.query({ ...statement, values: [...statement.values] }),
    ]);
    return answer;
  });
}

/** A wait that clears its timer when it ends early. */
async function sleep(
  ms: number,
  over: Promise<unknown> | undefined,
  stopped: AbortSignal | undefined,
): Promise<void> {
  if (over === undefined) return delay(ms, undefined, { signal: stopped });
  const early = new AbortController();
  const signal = stopped === undefined ? early.signal : AbortSignal.any([early.signal, stopped]);
  const end = over.then(
    () => early.abort(),
    () => early.abort(),
  );
  await Promise.race([
    end,
    delay(ms, undefined, { signal }).catch((error) => {
      if (!early.signal.aborted) throw error;
    }),
  ]);
}

/** The statements of the kernels' own texts, so that each is planned once on a connection. */
const kernelStatements = new Map<string, { readonly name: string; readonly text: string }>();

function kernelStatement(strings: TemplateStringsArray): { readonly name: string; readonly text: string } {
  const text = strings.reduce(
    (before, part, index) => (index === 0 ? part : `${before}$${index}${part}`),
    '',
  );
  const known = kernelStatements.get(text);
  if (known !== undefined) return known;
  const statement = { name: `kernel_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`, text };
  kernelStatements.set(text, statement);
  return statement;
}

function isOutcome(value: JsonValue | KernelOutcome): value is KernelOutcome {
  return typeof value === 'object' && value !== null && 'ok' in value && typeof value.ok === 'boolean';
}

import type { SandboxLimits } from './limits';
import type {
  FromWorker,
  JsonValue,
  LogLine,
  SandboxEntry,
  SandboxError,
  SandboxErrorCode,
} from './protocol';
import type { SandboxWorker } from './sandbox-worker';

/**
 * The host side of `ctx`, called on the main thread. `name` and `args` are chosen by hostile code. `signal` is aborted
 * when the run ends for any reason. The result is sent to the code as JSON; a rejection reaches it as an Error with the
 * same `message` and `code`.
 */
export type HostCall = (name: string, args: JsonValue, signal: AbortSignal) => Promise<JsonValue | undefined>;

/** One run of user code. */
export interface SandboxTask {
  /** Plain JavaScript that defines the entry function. */
  code: string;
  entry: SandboxEntry;
  /** The input of `main`, the span of `on`. */
  input: JsonValue;
  /** `ctx.env`. */
  env: Record<string, string>;
  hostCall: HostCall;
  /** Defaults to DEFAULT_LIMITS, member by member. */
  limits?: Partial<SandboxLimits>;
  /** File name in stack traces. Defaults to `function.js`. */
  filename?: string;
  /** Ends the run, waiting or running, with the code `aborted`. */
  signal?: AbortSignal;
  /** Lane for fair scheduling: the tenant. A single lane never holds all workers. Defaults to one shared lane. */
  lane?: string;
}

/** How a run ended. */
export type SandboxOutcome =
  | { ok: true; output: JsonValue; logs: LogLine[]; cpuMs: number; calls: number }
  | {
      ok: false;
      error: SandboxError;
      logs: LogLine[];
      cpuMs: number;
      calls: number;
      /** True when no code was run. */
      neverBegan?: true;
    };

/**
 * Most calls of one run that are worked on at a time; the arguments of others wait as texts. Of a thousand calls at once,
 * each a list of a thousand spans, the parsed ones would take gigabytes.
 */
const MAX_CALLS_AT_ONCE = 8;

/** Time for the interrupt handler to end a run after a limit, before the thread is terminated. */
const GRACE_MS = 250;

/**
 * Clock time within QuickJS, as a multiple of the CPU limit, after which a run is terminated. This thread can only see
 * the clock, which runs ahead of CPU time when cores are shared.
 */
const CLOCK_PER_CPU = 4;

/** Errors after which the worker is not reusable. */
const FATAL: ReadonlySet<SandboxErrorCode> = new Set([
  'cpu_limit',
  'wall_limit',
  'memory_limit',
  'stack_limit',
  'call_limit',
  'aborted',
  'crashed',
]);

/** Whether the worker has to be replaced after this error. */
export const isFatal = (code: SandboxErrorCode): boolean => FATAL.has(code);

type Done = Extract<FromWorker, { type: 'done' }>;
type Call = Extract<FromWorker, { type: 'call' }>;

/** The main thread's side of one run: answers its calls, collects its logs, enforces its time limits. */
export class SandboxRun {
  readonly #id: number;
  readonly #task: SandboxTask;
  readonly #limits: SandboxLimits;
  readonly #worker: SandboxWorker;
  readonly #finish: (outcome: SandboxOutcome) => void;
  readonly #logs: LogLine[] = [];
  /** Created with the first ctx call, since most runs make none. */
  #callsAbort: AbortController | undefined;
  readonly #startedAtMs = performance.now();
  readonly #onAbort = () => this.fail('aborted', 'AbortError', 'the run was aborted');
  #calls = 0;
  #inFlight = 0;
  readonly #waiting: Call[] = [];
  #done: Done | null = null;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    id: number,
    task: SandboxTask,
    limits: SandboxLimits,
    worker: SandboxWorker,
    finish: (outcome: SandboxOutcome) => void,
  ) {
    this.#id = id;
    this.#task = task;
    this.#limits = limits;
    this.#worker = worker;
    this.#finish = finish;
  }

  /** Sends the task to the worker. @param input the task's input as JSON text */
  start(input: string): void {
    const { code, entry, env, filename = 'function.js', signal } = this.#task;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#watch();
    const name = filename.replaceAll(/[^\w./-]/g, '_').slice(0, 100);
    const message = { code, entry, input, env: JSON.stringify(env), filename: name, limits: this.#limits };
    this.#worker.post({ type: 'run', run: this.#id, ...message });
  }

  /** Handles a message of the worker; those of earlier runs are ignored. */
  onMessage(message: FromWorker): void {
    if (this.#isOver || message.type === 'ready' || message.run !== this.#id) return;
    if (message.type === 'log') this.#logs.push({ level: message.level, text: message.text });
    else if (message.type === 'call') this.#call(message);
    else {
      this.#done = message;
      this.#finishWhenQuiet();
    }
  }

  /** Ends the run from outside: at a limit, by an abort, or when the worker died. */
  fail(code: SandboxErrorCode, name: string, message: string): void {
    const cpuMs = this.#done?.cpuMs ?? this.#worker.guestMs();
    this.#end({ ok: false, error: { code, name, message }, logs: this.#logs, cpuMs, calls: this.#calls });
  }

  #end(outcome: SandboxOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#task.signal?.removeEventListener('abort', this.#onAbort);
    this.#waiting.length = 0;
    this.#callsAbort?.abort();
    this.#finish(outcome);
  }

  /**
   * Finishes a run that ended by itself once its pending calls have ended, so that nothing acts after the outcome is
   * known. A run that was cut short does not wait; the signal of its calls is aborted.
   */
  #finishWhenQuiet(): void {
    if (this.#done === null) return;
    const isCutShort = 'error' in this.#done && isFatal(this.#done.error.code);
    const isQuiet = this.#inFlight === 0 && this.#waiting.length === 0;
    if (isQuiet || isCutShort) this.#endWith(this.#done);
  }

  #endWith(done: Done): void {
    const { cpuMs, calls } = done;
    if ('error' in done) {
      this.#end({ ok: false, error: done.error, logs: this.#logs, cpuMs, calls });
    } else {
      const output: JsonValue = JSON.parse(done.output);
      this.#end({ ok: true, output, logs: this.#logs, cpuMs, calls });
    }
  }

  #call(call: Call): void {
    this.#calls++;
    if (this.#inFlight < MAX_CALLS_AT_ONCE) void this.#answer(call);
    else this.#waiting.push(call);
  }

  async #answer({ call, name, args }: Call): Promise<void> {
    this.#inFlight++;
    let ok = true;
    this.#callsAbort ??= new AbortController();
    let value: string;
    try {
      value = this.#answerText(await this.#task.hostCall(name, JSON.parse(args), this.#callsAbort.signal));
    } catch (error) {
      ok = false;
      value = JSON.stringify(publicPartOf(error));
    }
    this.#inFlight--;
    if (this.#isOver) return;
    const next = this.#waiting.shift();
    if (next !== undefined) void this.#answer(next);
    if (this.#done === null) this.#worker.post({ type: 'settle', run: this.#id, call, ok, value });
    else this.#finishWhenQuiet();
  }

  #answerText(answer: JsonValue | undefined): string {
    const text = JSON.stringify(answer ?? null);
    const { answerBytes } = this.#limits;
    if (Buffer.byteLength(text) <= answerBytes) return text;
    throw Object.assign(new Error(`the answer is larger than ${answerBytes} bytes of JSON`), {
      code: 'answer_limit',
    });
  }

  /**
   * Enforces wall time, and CPU time as a fallback: QuickJS's interrupt handler does not fire within one long C call,
   * which only `terminate()` ends.
   */
  #watch(): void {
    const { cpuMs, wallMs } = this.#limits;
    const wallLeftMs = wallMs - (performance.now() - this.#startedAtMs);
    const guestMs = this.#worker.guestMs();
    const cpuLeftMs = CLOCK_PER_CPU * cpuMs + GRACE_MS - guestMs;
    const isInGuest = this.#worker.isInGuest();
    if (cpuLeftMs <= 0 || (wallLeftMs <= (isInGuest ? -GRACE_MS : 0) && isInGuest && guestMs >= cpuMs)) {
      this.fail('cpu_limit', 'CpuLimitError', `the code used up its ${cpuMs} ms of CPU time`);
    } else if (wallLeftMs <= (isInGuest ? -GRACE_MS : 0)) {
      this.#failForWallTime();
    } else {
      const nextMs = Math.min(cpuLeftMs, wallLeftMs > 0 ? wallLeftMs : wallLeftMs + GRACE_MS);
      this.#timer = setTimeout(() => this.#watch(), Math.max(1, Math.ceil(nextMs)));
    }
  }

  #failForWallTime(): void {
    const { wallMs } = this.#limits;
    // The code's own error is more useful than that a call which it did not await is slow.
    if (this.#done !== null && 'error' in this.#done) this.#endWith(this.#done);
    const why = this.#done === null ? '' : ' because of a ctx call that it did not await';
    this.fail('wall_limit', 'WallLimitError', `the run took longer than ${wallMs} ms${why}`);
  }
}

/** The part of a host error that user code may see: message and code, never the stack. */
function publicPartOf(error: unknown): { message: string; code?: string } {
  const message = error instanceof Error ? error.message : 'the call failed';
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? { message, code } : { message };
}

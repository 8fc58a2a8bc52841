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
 * The host side of `ctx`: called in the main thread with the name of the call and its argument, both
 * chosen by hostile code. `signal` is aborted when the run ends for any reason. What it answers is sent
 * to the code as JSON; when it rejects, the code sees an Error with the same `message` and `code`.
 */
export type HostCall = (name: string, args: JsonValue, signal: AbortSignal) => Promise<JsonValue | undefined>;

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
  /** What stack traces call the code. Defaults to `function.js`. */
  filename?: string;
  /** Ends the run, waiting or running, with the code `aborted`. */
  signal?: AbortSignal;
  /** Runs of one lane take turns with other lanes and never hold every worker: give the tenant here. Defaults to one shared lane. */
  lane?: string;
}

export type SandboxOutcome =
  | { ok: true; output: JsonValue; logs: LogLine[]; cpuMs: number; calls: number }
  | {
      ok: false;
      error: SandboxError;
      logs: LogLine[];
      cpuMs: number;
      calls: number;
      /** True of a run of which nothing was run. */
      neverBegan?: true;
    };

/** After a limit is up, how long the interrupt handler may take to end the run in an orderly way, in milliseconds. */
const GRACE_MS = 250;

/**
 * Clock time in QuickJS after which a run must have used up its CPU time, per unit of it. The clock is all
 * that this thread can see, and it runs ahead of CPU time when the cores are shared.
 */
const CLOCK_PER_CPU = 4;

/** After these, memory or thread are not worth keeping. */
const FATAL: ReadonlySet<SandboxErrorCode> = new Set([
  'cpu_limit',
  'wall_limit',
  'memory_limit',
  'stack_limit',
  'call_limit',
  'aborted',
  'crashed',
]);

/** True when the worker has to be replaced after a run that ended so. */
export const isFatal = (code: SandboxErrorCode): boolean => FATAL.has(code);

type Done = Extract<FromWorker, { type: 'done' }>;

/** One run on one worker, from the main thread's side: answers its calls, keeps its logs, watches its time. */
export class SandboxRun {
  readonly #id: number;
  readonly #task: SandboxTask;
  readonly #limits: SandboxLimits;
  readonly #worker: SandboxWorker;
  readonly #finish: (outcome: SandboxOutcome) => void;
  readonly #logs: LogLine[] = [];
  /** Made for the first ctx call: most runs make none, and aborting costs 20 µs. */
  #callsAbort: AbortController | undefined;
  readonly #startedAtMs = performance.now();
  readonly #onAbort = () => this.fail('aborted', 'AbortError', 'the run was aborted');
  #calls = 0;
  #inFlight = 0;
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

  /** Hands the task to the worker. `input` is the task's input as JSON text. */
  start(input: string): void {
    const { code, entry, env, filename = 'function.js', signal } = this.#task;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#watch();
    const name = filename.replaceAll(/[^\w./-]/g, '_').slice(0, 100);
    const message = { code, entry, input, env: JSON.stringify(env), filename: name, limits: this.#limits };
    this.#worker.post({ type: 'run', run: this.#id, ...message });
  }

  onMessage(message: FromWorker): void {
    if (this.#isOver || message.type === 'ready' || message.run !== this.#id) return;
    if (message.type === 'log') this.#logs.push({ level: message.level, text: message.text });
    else if (message.type === 'call') void this.#answer(message.call, message.name, message.args);
    else {
      this.#done = message;
      this.#finishWhenQuiet();
    }
  }

  /** Ends the run from outside: a limit, an abort, a dead worker. */
  fail(code: SandboxErrorCode, name: string, message: string): void {
    const cpuMs = this.#done?.cpuMs ?? this.#worker.guestMs();
    this.#end({ ok: false, error: { code, name, message }, logs: this.#logs, cpuMs, calls: this.#calls });
  }

  #end(outcome: SandboxOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#task.signal?.removeEventListener('abort', this.#onAbort);
    this.#callsAbort?.abort();
    this.#finish(outcome);
  }

  /**
   * A run that ended by itself is over when the calls it started are too: nothing acts after its outcome is
   * known. One that was cut short does not wait; its calls see their signal aborted.
   */
  #finishWhenQuiet(): void {
    if (this.#done === null) return;
    const isCutShort = 'error' in this.#done && isFatal(this.#done.error.code);
    if (this.#inFlight === 0 || isCutShort) this.#endWith(this.#done);
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

  async #answer(call: number, name: string, args: string): Promise<void> {
    this.#calls++;
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
   * Wall time, and behind the interrupt handler also CPU time: interrupts do not fire inside one long C
   * call, and there only `terminate()` helps.
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
    // The code's own error says more than that a call it left behind is slow.
    if (this.#done !== null && 'error' in this.#done) this.#endWith(this.#done);
    const why = this.#done === null ? '' : ' because of a ctx call that it did not await';
    this.fail('wall_limit', 'WallLimitError', `the run took longer than ${wallMs} ms${why}`);
  }
}

/** What user code may know of a host error: its name, message and code. Never its stack. */
function publicPartOf(error: unknown): { message: string; code?: string } {
  const message = error instanceof Error ? error.message : 'the call failed';
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? { message, code } : { message };
}

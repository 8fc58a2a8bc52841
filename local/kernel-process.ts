import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Identity } from '../runtime/base/identity';
import type { JsonValue } from '../runtime/base/span';
import type { InvokeOptions, KernelInvoker } from '../runtime/host/kernel-invoker';
import type { KernelOutcome } from '../runtime/kernels/kernel-context';
import type { KernelName } from '../runtime/kernels/stable-ids';
import type { Logger } from '../runtime/log/logger';
import { FramedPipe } from './framed-pipe';
import {
  MAX_CALLS,
  MAX_FRAME_BYTES,
  MAX_WAITING_BYTES,
  parseFromKernels,
  type SandboxEnd,
  type ToKernels,
} from './kernel-messages';

/** File descriptor of the pipe in the kernel process. */
export const KERNEL_PIPE_FD = 3;

/** Milliseconds between two messages about commits. */
const TOLD_EVERY_MS = 100;
const FIRST_BACK_OFF_MS = 100;
const MAX_BACK_OFF_MS = 10_000;
/** A process that ran for this many milliseconds is restarted without delay. */
const HEALTHY_MS = 30_000;
const STOP_GRACE_MS = 8_000;
/** Time-out of a call in milliseconds, for a hanging process; the kernels end runs earlier. */
const MAX_CALL_MS = 90_000;

/** Options of {@link KernelProcess}. */
export interface KernelProcessOptions {
  /** Program and arguments that start the kernel process. */
  readonly command: readonly [string, ...string[]];
  readonly logger: Logger;
  /** Called with one line for the user. */
  readonly onTrouble: (message: string) => void;
}

interface Call {
  settle(outcome: KernelOutcome): void;
}

/** One instance of the process. */
interface Life {
  readonly child: ChildProcess;
  readonly pipe: FramedPipe;
  readonly since: number;
  readonly ended: Promise<void>;
}

/**
 * The kernel process of a local run, with kernels and sandboxes. As on AWS, user code shares neither memory nor event
 * loop with the API. It talks over an inherited pipe, ends together with this process, and is restarted when it crashes.
 */
export class KernelProcess implements KernelInvoker {
  readonly #options: KernelProcessOptions;
  readonly #calls = new Map<number, Call>();
  readonly #stopping = new AbortController();
  /** Called after each sandbox run. Defaults to none. */
  onRun: ((end: SandboxEnd) => void) | undefined;
  #life: Life;
  #start: ToKernels | undefined;
  #isReady = false;
  #isTold = false;
  #nextCall = 1;
  #backOffMs = FIRST_BACK_OFF_MS;
  #onReady: (() => void) | undefined;
  #onFailed: ((error: Error) => void) | undefined;

  /** Starts the process, which loads its code and waits for {@link begin}. */
  constructor(options: KernelProcessOptions) {
    this.#options = options;
    this.#life = this.#spawn();
  }

  /**
   * Sends the database settings; resolves when the kernels take calls.
   * @throws Error when they cannot start
   */
  async begin(start: Extract<ToKernels, { type: 'start' }>): Promise<void> {
    this.#start = start;
    const ready = new Promise<void>((resolve, reject) => {
      this.#onReady = resolve;
      this.#onFailed = reject;
    });
    this.#send(start);
    await ready;
    this.#onFailed = undefined;
  }

  /** Whether calls are accepted. */
  isReady(): boolean {
    return this.#isReady;
  }

  /** Id of the current process, for tests and the log. */
  get pid(): number | undefined {
    return this.#life.child.pid;
  }

  invoke(
    kernel: KernelName,
    identity: Identity,
    event: JsonValue,
    { signal }: InvokeOptions = {},
  ): Promise<KernelOutcome> {
    if (signal?.aborted) return Promise.resolve(unavailable('The caller is gone.'));
    if (!this.#isReady)
      return Promise.resolve(unavailable('The kernels are starting; try again in a moment.'));
    if (this.#calls.size >= MAX_CALLS)
      return Promise.resolve(unavailable('Too many runs are under way; try again in a moment.'));
    const call = this.#nextCall++;
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => settle(unavailable('The kernels do not answer; try again in a moment.')),
        MAX_CALL_MS,
      );
      // The call counts until its outcome arrives, so that both sides count the same running calls.
      const cancel = (): void => void this.#send({ type: 'cancel', call });
      const settle = (outcome: KernelOutcome): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
        this.#calls.delete(call);
        resolve(outcome);
      };
      this.#calls.set(call, { settle });
      if (!this.#send({ type: 'invoke', call, kernel, identity, event }))
        settle(unavailable('The kernels are busy; try again in a moment.'));
      else signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  /** Reports commits to the sealer, at most ten times a second. */
  committed(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    setTimeout(() => {
      this.#isTold = false;
      if (this.#isReady) this.#send({ type: 'committed' });
    }, TOLD_EVERY_MS).unref();
  }

  /** Stops the process and waits for its end. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#isReady = false;
    const { child, pipe, ended } = this.#life;
    this.#send({ type: 'stop' });
    const killed = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
    await ended;
    clearTimeout(killed);
    pipe.close();
    this.#failCalls();
  }

  #send(message: ToKernels): boolean {
    try {
      this.#life.pipe.send(message);
      return true;
    } catch {
      return false;
    }
  }

  #spawn(): Life {
    const [program, ...args] = this.#options.command;
    // The kernels never need the schema owner's password.
    const { DATABASE_URL: _owner, ...env } = process.env;
    const child = spawn(program, args, {
      env,
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      // In a session of its own, since Linux shares the processors between sessions first (sched_autogroup), and looping
      // runs would take most of this session's share. It ends with the pipe; on Windows it would open a console.
      detached: process.platform !== 'win32',
    });
    const stream = child.stdio[KERNEL_PIPE_FD] as Duplex;
    const pipe = new FramedPipe(stream, {
      maxFrameBytes: MAX_FRAME_BYTES,
      maxWaitingBytes: MAX_WAITING_BYTES,
      onMessage: (message) => this.#onMessage(message),
      // A process that violated the protocol or closed the pipe is useless.
      onEnd: () => child.kill('SIGKILL'),
    });
    const ended = new Promise<void>((resolve) => {
      child.once('error', () => resolve());
      child.once('exit', () => resolve());
    });
    const life = { child, pipe, since: performance.now(), ended };
    void ended.then(() => this.#onEnd(life));
    return life;
  }

  #onMessage(value: unknown): void {
    const message = parseFromKernels(value);
    switch (message.type) {
      case 'ready':
        this.#isReady = !this.#stopping.signal.aborted;
        this.#onReady?.();
        return;
      case 'failed':
        this.#onFailed?.(new Error(message.message));
        this.#options.onTrouble(`the kernels cannot start: ${message.message}`);
        return;
      case 'trouble':
        this.#options.onTrouble(message.message);
        return;
      case 'ran':
        this.onRun?.(message);
        return;
      case 'outcome':
        this.#calls.get(message.call)?.settle(message.outcome);
    }
  }

  #onEnd({ child, since }: Life): void {
    this.#isReady = false;
    this.#failCalls();
    if (this.#stopping.signal.aborted) return;
    const { logger } = this.#options;
    if (performance.now() - since > HEALTHY_MS) this.#backOffMs = FIRST_BACK_OFF_MS;
    const waitMs = this.#backOffMs;
    this.#backOffMs = Math.min(2 * waitMs, MAX_BACK_OFF_MS);
    logger.error(
      { exit_code: child.exitCode, signal: child.signalCode, restart_in_ms: waitMs },
      'the kernels ended and are started again',
    );
    void this.#startAgain(waitMs);
  }

  async #startAgain(waitMs: number): Promise<void> {
    await delay(waitMs, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => undefined);
    if (this.#stopping.signal.aborted) return;
    this.#life = this.#spawn();
    if (this.#start !== undefined) this.#send(this.#start);
  }

  /** Fails running calls. Whether a run was recorded is in the ledger, which the caller can read. */
  #failCalls(): void {
    for (const { settle } of [...this.#calls.values()])
      settle(
        unavailable(
          'The kernels ended while this ran and start again; look for its execution, then try again.',
        ),
      );
  }
}

function unavailable(message: string): KernelOutcome {
  return { ok: false, error: { code: 'unavailable', message, retry_after_s: 2 }, execution: null };
}

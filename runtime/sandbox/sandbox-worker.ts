import { Worker } from 'node:worker_threads';
import { GUEST_PRELUDE } from './guest-prelude';
import type { FromWorker, ToWorker, WorkerSetup } from './protocol';
import { quickJsModule, workerFile } from './wasm-module';

/**
 * The worker's own JavaScript heap, not the WASM memory of user code. Checking the largest JSON that may cross (1 MiB of
 * `{}`) takes 40 MB; the limit is well above, since a thread near its limit thrashes instead of ending.
 */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 4, stackSizeMb: 4 };

/** A thread that is not ready after this is hung; a start takes 0.1 s on an idle machine. */
const START_TIMEOUT_MS = 30_000;

/** Callbacks of a {@link SandboxWorker}. */
export interface SandboxWorkerEvents {
  onMessage(message: FromWorker): void;
  /** The thread has ended. `reason` is null when `stop()` ended it. */
  onExit(reason: Error | null): void;
}

/** One worker thread, started without the process's environment and arguments. */
export class SandboxWorker {
  readonly #worker: Worker;
  readonly #meter: Float64Array;
  #stopped = false;

  private constructor(worker: Worker, meter: Float64Array) {
    this.#worker = worker;
    this.#meter = meter;
  }

  /**
   * Starts a thread. Resolves when its QuickJS context is ready for a run.
   * @throws Error when the thread ends before that, or is not ready in 30 s
   */
  static async start(maxMemoryBytes: number, events: SandboxWorkerEvents): Promise<SandboxWorker> {
    const meter = new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT);
    const workerData: WorkerSetup = {
      wasm: await quickJsModule(),
      prelude: GUEST_PRELUDE,
      maxMemoryBytes,
      meter,
    };
    const thread = new Worker(workerFile(), {
      workerData,
      argv: [],
      execArgv: [],
      env: {},
      stdin: false,
      // Keeps output off the console. The streams are not read, since that would keep the process alive.
      stdout: true,
      stderr: true,
      resourceLimits: RESOURCE_LIMITS,
    });
    const worker = new SandboxWorker(thread, new Float64Array(meter));
    const timer = setTimeout(() => void thread.terminate(), START_TIMEOUT_MS);
    try {
      await new Promise<void>((resolve, reject) => worker.#listen(events, resolve, reject));
    } finally {
      clearTimeout(timer);
    }
    return worker;
  }

  #listen(events: SandboxWorkerEvents, onReady: () => void, onFailure: (reason: Error) => void): void {
    let reason: Error | undefined;
    this.#worker.on('message', (message: FromWorker) => {
      if (message.type === 'ready') onReady();
      else events.onMessage(message);
    });
    this.#worker.on('error', (error) => {
      reason = error instanceof Error ? error : new Error(String(error));
    });
    this.#worker.on('exit', (code) => {
      const why = reason ?? new Error(`the worker thread ended with code ${code}`);
      onFailure(why);
      events.onExit(this.#stopped ? null : why);
    });
  }

  post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  /** A busy worker keeps the process alive; an idle one does not. */
  keepAlive(busy: boolean): void {
    if (busy) this.#worker.ref();
    else this.#worker.unref();
  }

  /** Milliseconds that the run has spent in QuickJS: CPU time of finished entries, plus clock time of the current one. */
  guestMs(): number {
    const [finishedMs = 0, enteredAt = 0] = this.#meter;
    return (
      finishedMs + (enteredAt === 0 ? 0 : Math.max(0, performance.timeOrigin + performance.now() - enteredAt))
    );
  }

  /** Whether QuickJS is running now. */
  isInGuest(): boolean {
    return this.#meter[1] !== 0;
  }

  /** Ends the thread, even inside a loop that no interrupt reaches. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#worker.terminate();
  }
}

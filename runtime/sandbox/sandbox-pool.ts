import { availableParallelism } from 'node:os';
import { SandboxBusyError } from './errors';
import { LaneQueue } from './lane-queue';
import { DEFAULT_LIMITS, resolveLimits, type SandboxLimits } from './limits';
import type { FromWorker, SandboxErrorCode } from './protocol';
import { isFatal, type SandboxOutcome, SandboxRun, type SandboxTask } from './sandbox-run';
import { SandboxWorker } from './sandbox-worker';

/** Sizes and callbacks of a {@link SandboxPool}. */
export interface SandboxPoolOptions {
  /**
   * Most worker threads; they start on demand and stay warm. More threads than cores let short runs go on while long
   * ones run. Defaults to twice the cores, at least 4. Each costs about 20 MB.
   */
  size?: number;
  /** Most runs that may wait. Defaults to 1,000. */
  maxQueue?: number;
  /** Most runs of one lane that may wait. Defaults to half of `maxQueue`. */
  maxQueuePerLane?: number;
  /** Most concurrent runs of one lane. Defaults to `size - 1`, so that a looping tenant leaves a worker free. */
  maxRunningPerLane?: number;
  /** Workers that all lanes with long runs together leave to other lanes. Defaults to a quarter of `size`, at least 1. */
  keptForShortRuns?: number;
  /**
   * Most workers above `size`, started for lanes without long runs while long runs hold more than their share: that a
   * lane's runs are long is known only after its first. They end when idle. Defaults to twice `size`.
   */
  maxExtra?: number;
  /** Most memory of a run, in bytes. Defaults to DEFAULT_LIMITS.memoryBytes (64 MiB). */
  maxMemoryBytes?: number;
  /** Called with the cause when a worker thread crashes; the run's outcome says only that it did. */
  onFault?: (error: Error) => void;
  /** Called with the outcome of each run, and whether its worker was discarded. */
  onRun?: (outcome: SandboxOutcome, isKilled: boolean) => void;
}

interface Job {
  lane: string;
  task: SandboxTask;
  limits: SandboxLimits;
  input: string;
  /** When its worker was ready, so that the thread's start does not count; 0 before. */
  startedAtMs: number;
  resolve(outcome: SandboxOutcome): void;
  onAbort(): void;
}

/** A finished run counts as long from this CPU time, or from this time of holding its worker. */
const LONG_CPU_MS = 250;
const LONG_HELD_MS = 2_000;
/** A run in progress counts as long after this; also the interval of checking for such runs. */
const SLICE_MS = 250;
/** A lane counts as having long runs for this long after the last of them. */
const LONG_MEMORY_MS = 60_000;
const MAX_LONG_LANES = 10_000;

/** One worker thread, from its start to its end, and its current run. */
interface Slot {
  worker: Promise<SandboxWorker>;
  isReady: boolean;
  job: Job | null;
  run: SandboxRun | null;
}

/**
 * Runs user code on warm worker threads. Every run starts from the same clean memory, and a worker whose run was cut
 * short is replaced. Nothing that user code does makes `run` reject.
 */
export class SandboxPool {
  readonly #size: number;
  readonly #maxRunningPerLane: number;
  readonly #maxMemoryBytes: number;
  readonly #onFault: (error: Error) => void;
  readonly #onRun: (outcome: SandboxOutcome, isKilled: boolean) => void;
  readonly #queue: LaneQueue<Job>;
  readonly #slots = new Set<Slot>();
  readonly #running = new Map<string, number>();
  readonly #keptForShortRuns: number;
  readonly #maxExtra: number;
  /** When a lane stops counting as having long runs; earliest first. */
  readonly #longUntil = new Map<string, number>();
  #nextRun = 1;
  #recheck: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: SandboxPoolOptions = {}) {
    const { size = Math.max(4, 2 * availableParallelism()), maxQueue = 1_000 } = options;
    this.#size = Math.max(1, size);
    this.#maxRunningPerLane = Math.max(1, options.maxRunningPerLane ?? this.#size - 1);
    this.#keptForShortRuns = Math.min(
      this.#size - 1,
      options.keptForShortRuns ?? Math.max(1, Math.floor(this.#size / 4)),
    );
    this.#maxExtra = options.maxExtra ?? 2 * this.#size;
    this.#maxMemoryBytes = options.maxMemoryBytes ?? DEFAULT_LIMITS.memoryBytes;
    this.#onFault = options.onFault ?? (() => undefined);
    this.#onRun = options.onRun ?? (() => undefined);
    this.#queue = new LaneQueue(maxQueue, options.maxQueuePerLane ?? Math.ceil(maxQueue / 2));
  }

  /** Most concurrent runs of one lane. */
  get maxRunningPerLane(): number {
    return this.#maxRunningPerLane;
  }

  /** Runs that wait for a worker. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Worker threads that exist, idle ones included. */
  get workers(): number {
    return this.#slots.size;
  }

  /**
   * Runs one task. Failures of the code are outcomes, not rejections.
   * @throws SandboxBusyError (503) when too many runs wait already; RangeError for a limit that is not a number
   */
  async run(task: SandboxTask): Promise<SandboxOutcome> {
    const limits = resolveLimits(task.limits, this.#maxMemoryBytes);
    const input = JSON.stringify(task.input ?? null);
    const refused = this.#refusal(task, limits, input);
    if (refused !== null) return refused;
    return new Promise((resolve, reject) => {
      const lane = task.lane ?? '';
      const onAbort = () => {
        if (this.#queue.remove(job))
          resolve(failure('aborted', 'AbortError', 'the run was aborted while it waited'));
      };
      const job: Job = { lane, task, limits, input, startedAtMs: 0, resolve, onAbort };
      if (!this.#queue.push(job)) {
        reject(
          new SandboxBusyError('Too many runs are waiting: try again in a moment', { retryAfterSeconds: 1 }),
        );
        return;
      }
      task.signal?.addEventListener('abort', onAbort, { once: true });
      this.#dispatch();
    });
  }

  /** Starts a worker if there is none, so that the first run finds it warm. Resolves when it is ready. */
  async warm(): Promise<void> {
    const [slot = this.#addSlot()] = this.#slots;
    await slot.worker;
  }

  /** Ends every run with the code `aborted` and every worker thread. Later runs are refused the same way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#recheck);
    for (const job of this.#queue.drain()) job.resolve(failure('aborted', 'AbortError', CLOSED));
    const slots = [...this.#slots];
    for (const slot of slots) slot.run?.fail('aborted', 'AbortError', CLOSED);
    this.#slots.clear();
    await Promise.all(slots.map((slot) => stopWorker(slot.worker)));
  }

  #refusal(task: SandboxTask, limits: SandboxLimits, input: string): SandboxOutcome | null {
    if (this.#isClosed) return failure('aborted', 'AbortError', CLOSED);
    if (task.signal?.aborted)
      return failure('aborted', 'AbortError', 'the run was aborted before it started');
    if (Buffer.byteLength(task.code) > limits.maxCodeBytes) {
      return failure(
        'input_limit',
        'InputLimitError',
        `the code is larger than ${limits.maxCodeBytes} bytes`,
      );
    }
    if (Buffer.byteLength(input) > limits.maxInputBytes) {
      return failure(
        'input_limit',
        'InputLimitError',
        `the input is larger than ${limits.maxInputBytes} bytes of JSON`,
      );
    }
    return null;
  }

  /** Assigns waiting runs to idle workers, and starts workers up to {@link #maxWorkers}. */
  #dispatch(): void {
    while (!this.#isClosed && this.#queue.size > 0) {
      const isFull = this.#slots.size >= this.#maxWorkers();
      const job =
        isFull && this.#idleSlot() === undefined ? undefined : this.#queue.take((lane) => this.#mayRun(lane));
      if (job === undefined) {
        this.#scheduleRecheck();
        return;
      }
      const slot = this.#slotFor(job.lane, isFull);
      slot.job = job;
      job.task.signal?.removeEventListener('abort', job.onAbort);
      this.#running.set(job.lane, (this.#running.get(job.lane) ?? 0) + 1);
      void this.#begin(slot, job);
    }
    // Keep one idle worker, so that neither a second caller nor a replacement waits for a thread to start.
    if (!this.#isClosed && this.#slots.size < this.#size && this.#idleSlot() === undefined) this.#addSlot();
  }

  /** Most workers now: `size`, plus one for each worker that long runs hold above their share. */
  #maxWorkers(): number {
    const excess = this.#runningLong() - (this.#size - this.#keptForShortRuns);
    return this.#size + Math.min(this.#maxExtra, Math.max(0, excess));
  }

  /** Dispatches again later, since a run turns long without an event. */
  #scheduleRecheck(): void {
    this.#recheck ??= setTimeout(() => {
      this.#recheck = undefined;
      this.#dispatch();
    }, SLICE_MS).unref();
  }

  /** A lane with long runs waits for a new worker rather than take a warm one that is kept for short runs. */
  #slotFor(lane: string, isFull: boolean): Slot {
    const idle = [...this.#slots].filter(({ job }) => job === null);
    const warm = idle.filter(({ isReady }) => isReady);
    const isSpared = this.#isLong(lane) && warm.length <= this.#keptForShortRuns;
    const starting = idle.find(({ isReady }) => !isReady);
    if (isSpared) return starting ?? (isFull ? undefined : this.#addSlot()) ?? warm[0] ?? this.#addSlot();
    return warm[0] ?? starting ?? this.#addSlot();
  }

  #mayRun(lane: string): boolean {
    if ((this.#running.get(lane) ?? 0) >= this.#maxRunningPerLane) return false;
    return !this.#isLong(lane) || this.#runningLong() < this.#size - this.#keptForShortRuns;
  }

  #isLong(lane: string): boolean {
    if ((this.#longUntil.get(lane) ?? 0) > performance.now()) return true;
    for (const { job } of this.#slots) if (job?.lane === lane && heldMs(job) >= SLICE_MS) return true;
    return false;
  }

  #runningLong(): number {
    let count = 0;
    for (const [lane, running] of this.#running) if (this.#isLong(lane)) count += running;
    return count;
  }

  /** Charges a lane for a finished run, and remembers for a while if it was long. */
  #account(lane: string, cpuMs: number, heldMs: number): void {
    // At least 1, so that a run without CPU time also counts as a turn.
    this.#queue.charge(lane, Math.max(1, cpuMs));
    if (cpuMs < LONG_CPU_MS && heldMs < LONG_HELD_MS) return;
    this.#longUntil.delete(lane);
    for (const [other, until] of this.#longUntil) {
      if (until > performance.now() && this.#longUntil.size < MAX_LONG_LANES) break;
      this.#longUntil.delete(other);
    }
    this.#longUntil.set(lane, performance.now() + LONG_MEMORY_MS);
  }

  #idleSlot(): Slot | undefined {
    for (const slot of this.#slots) if (slot.job === null) return slot;
    return undefined;
  }

  #addSlot(): Slot {
    const slot: Slot = {
      worker: SandboxWorker.start(this.#maxMemoryBytes, {
        onMessage: (message: FromWorker) => slot.run?.onMessage(message),
        onExit: (reason) => this.#onExit(slot, reason),
      }),
      isReady: false,
      job: null,
      run: null,
    };
    // A worker that cannot start fails the run that waits for it, in #begin; no run waits for a spare one.
    slot.worker.then(
      (worker) => {
        slot.isReady = true;
        worker.keepAlive(slot.job !== null);
      },
      (error: unknown) => {
        this.#slots.delete(slot);
        if (!slot.isReady) this.#onFault(error instanceof Error ? error : new Error(String(error)));
      },
    );
    this.#slots.add(slot);
    return slot;
  }

  async #begin(slot: Slot, job: Job): Promise<void> {
    let worker: SandboxWorker;
    try {
      worker = await slot.worker;
    } catch {
      this.#slots.delete(slot);
      this.#finish(slot, job, failure('crashed', 'SandboxCrash', 'the sandbox did not start'));
      return;
    }
    if (this.#isClosed) {
      this.#finish(slot, job, failure('aborted', 'AbortError', CLOSED));
      return;
    }
    if (job.task.signal?.aborted) {
      this.#finish(slot, job, failure('aborted', 'AbortError', 'the run was aborted before it began'));
      return;
    }
    worker.keepAlive(true);
    job.startedAtMs = performance.now();
    slot.run = new SandboxRun(this.#nextRun++, job.task, job.limits, worker, (outcome) => {
      if (!outcome.ok && isFatal(outcome.error.code)) this.#replace(slot);
      else worker.keepAlive(false);
      this.#finish(slot, job, outcome);
    });
    slot.run.start(job.input);
  }

  #finish(slot: Slot, job: Job, outcome: SandboxOutcome): void {
    slot.job = null;
    slot.run = null;
    const running = (this.#running.get(job.lane) ?? 1) - 1;
    if (running > 0) this.#running.set(job.lane, running);
    else this.#running.delete(job.lane);
    this.#account(job.lane, outcome.cpuMs, heldMs(job));
    this.#onRun(outcome, !outcome.ok && isFatal(outcome.error.code));
    job.resolve(outcome);
    this.#dispatch();
    this.#endExtra();
  }

  /** Discards a worker whose run was cut short, and starts a replacement at once. */
  #replace(slot: Slot): void {
    if (!this.#slots.delete(slot)) return;
    void stopWorker(slot.worker);
    if (!this.#isClosed && this.#slots.size < this.#size) this.#addSlot();
  }

  #endExtra(): void {
    for (const slot of this.#slots) {
      if (this.#slots.size <= this.#size) return;
      if (slot.job !== null) continue;
      this.#slots.delete(slot);
      void stopWorker(slot.worker);
    }
  }

  #onExit(slot: Slot, reason: Error | null): void {
    this.#slots.delete(slot);
    if (reason === null) return;
    if (slot.isReady) this.#onFault(reason);
    const isMemory = 'code' in reason && reason.code === 'ERR_WORKER_OUT_OF_MEMORY';
    if (isMemory)
      slot.run?.fail('memory_limit', 'MemoryLimitError', 'the run used up the memory of its worker');
    else slot.run?.fail('crashed', 'SandboxCrash', 'the sandbox came down under the code');
  }
}

function heldMs({ startedAtMs }: Job): number {
  return startedAtMs === 0 ? 0 : performance.now() - startedAtMs;
}

/** Also stops a worker that is still starting. */
async function stopWorker(worker: Promise<SandboxWorker>): Promise<void> {
  const started = await worker.catch(() => null);
  await started?.stop();
}

const CLOSED = 'the sandbox is shutting down';

function failure(code: SandboxErrorCode, name: string, message: string): SandboxOutcome {
  return { ok: false, error: { code, name, message }, logs: [], cpuMs: 0, calls: 0, neverBegan: true };
}

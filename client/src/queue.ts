/// <reference lib="esnext.disposable" preserve="true" />
import { type Appender, batchLength, MAX_BYTES, MAX_SPANS, type WireDraft, wireDraft } from './append';
import { type LogLineError, type Refusal, SpansRefusedError } from './error';
import type { IdentifiedDraft, SpanDraft } from './span';
import { jitteredDelayMs, pause } from './transport';

/** A waiting span, with the number that it got when it was added. */
export interface QueuedSpan {
  readonly n: number;
  /** JSON. */
  readonly text: string;
}

/** Persists a queue across restarts of the program. */
export interface QueueStore {
  /** Spans left by an earlier run, oldest first. Called once, before anything else. */
  open(): Promise<readonly QueuedSpan[]>;
  /** Resolves when the spans survive a crash. Calls settle in their order. */
  add(spans: readonly QueuedSpan[]): Promise<void>;
  /** Removes settled spans, which the ledger has stored or refused. */
  done(numbers: readonly number[]): Promise<void>;
  close(): Promise<void>;
}

/** When a queue sends, and how much it holds. */
export interface QueueOptions {
  /** Spans of a batch, 1 to 1000 (default 500). */
  readonly maxSpans?: number;
  /** Bytes of a batch (default 1 MiB, at most 4). */
  readonly maxBytes?: number;
  /** How long a span waits for others (default 100 ms). */
  readonly maxWaitMs?: number;
  /** Limit of held spans (default 10,000), at which `add` waits. */
  readonly maxQueued?: number;
  /** Limit of held bytes (default 64 MiB). */
  readonly maxQueuedBytes?: number;
  /** Concurrent batches, 1 (default) to 8. More are faster, but do not keep the order of adding. */
  readonly maxInFlight?: number;
  /** Without a store, held spans are lost with the process. */
  readonly store?: QueueStore;
  /** Called with each span that the ledger refuses. Without it `flush` throws {@link SpansRefusedError}. */
  readonly onRefused?: (refusal: Refusal<SpanDraft>) => void;
  /** Called with the reason when nothing can be sent now; spans are kept and retried. */
  readonly onStalled?: (error: unknown) => void;
}

interface Held extends WireDraft, QueuedSpan {
  readonly id: string;
  readonly addedMs: number;
}

/** A caller that waits until everything up to a number is settled. */
interface Flush {
  readonly isMet: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A span that waits for room. */
interface Arrival {
  readonly bytes: number;
  readonly enter: () => void;
}

/**
 * Appends spans in batches, in the order of adding. It never drops a span: unsent ones are kept and retried, refused
 * ones are reported, and `add` waits while the queue is full.
 */
export class SpanQueue {
  readonly #appender: Appender;
  readonly #prepare: (draft: SpanDraft) => Promise<IdentifiedDraft>;
  readonly #options: QueueOptions;
  readonly #opened: Promise<void>;
  readonly #ready: Held[] = [];
  /** Numbers that were added and not settled, oldest first. */
  readonly #unsettled = new Set<number>();
  readonly #waitingFlushes = new Set<Flush>();
  /** First come, first in. */
  readonly #arrivals: Arrival[] = [];
  /** Entities of the batches under way, because a later version must not overtake an earlier one. */
  readonly #inFlight: ReadonlySet<string>[] = [];
  readonly #refused: Refusal<SpanDraft>[] = [];
  #heldBytes = 0;
  #nextNumber = 1;
  #flushes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  #wake = new AbortController();

  constructor(
    appender: Appender,
    prepare: (draft: SpanDraft) => Promise<IdentifiedDraft>,
    options: QueueOptions = {},
  ) {
    checkOptions(options);
    this.#appender = appender;
    this.#prepare = prepare;
    this.#options = options;
    this.#opened = this.#open();
    // The next `add` or `flush` throws it.
    this.#opened.catch(() => undefined);
  }

  /** Held spans: added, and neither stored nor refused yet. */
  get size(): number {
    return this.#unsettled.size;
  }

  /**
   * Adds a span; waits while the queue is full. The span is in the queue, and in its store, once this resolves.
   * @returns its `id` and `seq`
   * @throws the signal's reason when it aborts during the wait; errors of the store and the signer
   */
  async add(
    draft: SpanDraft,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<{ id: string; seq: number }> {
    await this.#opened;
    const prepared = await this.#prepare(draft);
    const wire = wireDraft(prepared);
    const held = await this.#admitted(wire, prepared.id, signal);
    try {
      await this.#options.store?.add([{ n: held.n, text: held.text }]);
    } catch (error) {
      this.#settle([held]);
      throw error;
    }
    this.#ready.push(held);
    this.#pump();
    return { id: prepared.id, seq: prepared.seq ?? 0 };
  }

  /**
   * Sends all spans added before at once, and waits until they are settled.
   * @throws SpansRefusedError for spans refused since the last flush; LogLineError when the ledger cannot be reached,
   *   and the spans stay in the queue
   */
  async flush(): Promise<void> {
    await this.#opened;
    const target = this.#nextNumber - 1;
    const isMet = (): boolean => (this.#unsettled.values().next().value ?? Infinity) > target;
    this.#flushes += 1;
    try {
      this.#wake.abort();
      this.#pump();
      if (!isMet()) {
        await new Promise<void>((resolve, reject) => {
          this.#waitingFlushes.add({ isMet, resolve, reject });
        });
      }
    } finally {
      this.#flushes -= 1;
    }
    if (this.#refused.length > 0) throw new SpansRefusedError(this.#refused.splice(0));
  }

  /**
   * Accepts no more spans, flushes, and closes the store.
   * @throws like flush; unsent spans are then in the store, or lost without one
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    try {
      await this.flush();
    } finally {
      clearTimeout(this.#timer);
      this.#wake.abort();
      await this.#options.store?.close();
    }
  }

  /** {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(): Promise<void> {
    for (const { n, text } of (await this.#options.store?.open()) ?? []) {
      const { id } = JSON.parse(text) as IdentifiedDraft;
      const held: Held = { n, text, id, bytes: wireBytes(text), addedMs: 0 };
      this.#nextNumber = Math.max(this.#nextNumber, n + 1);
      this.#hold(held);
      this.#ready.push(held);
    }
    this.#pump();
  }

  #hold({ n, bytes }: Held): void {
    this.#unsettled.add(n);
    this.#heldBytes += bytes;
  }

  #settle(batch: readonly Held[]): void {
    for (const { n, bytes } of batch) {
      this.#unsettled.delete(n);
      this.#heldBytes -= bytes;
    }
    for (const flush of this.#waitingFlushes) {
      if (!flush.isMet()) continue;
      this.#waitingFlushes.delete(flush);
      flush.resolve();
    }
    for (
      let [first] = this.#arrivals;
      first !== undefined && this.#hasRoom(first.bytes);
      [first] = this.#arrivals
    ) {
      this.#arrivals.shift();
      first.enter();
    }
  }

  #hasRoom(bytes: number): boolean {
    const { maxQueued = 10_000, maxQueuedBytes = 64 * 2 ** 20 } = this.#options;
    return this.size === 0 || (this.size < maxQueued && this.#heldBytes + bytes <= maxQueuedBytes);
  }

  /** The span with its number, once there is room. */
  #admitted(wire: WireDraft, id: string, signal: AbortSignal | undefined): Promise<Held> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const abort = (): void => {
        this.#arrivals.splice(this.#arrivals.indexOf(arrival), 1);
        reject(signal?.reason);
      };
      const enter = (): void => {
        signal?.removeEventListener('abort', abort);
        if (this.#isClosed) {
          reject(new TypeError('the queue is closed'));
          return;
        }
        const held = { ...wire, id, n: this.#nextNumber++, addedMs: performance.now() };
        this.#hold(held);
        resolve(held);
      };
      const arrival = { bytes: wire.bytes, enter };
      if (this.#arrivals.length === 0 && this.#hasRoom(wire.bytes)) {
        enter();
      } else {
        signal?.addEventListener('abort', abort, { once: true });
        this.#arrivals.push(arrival);
      }
    });
  }

  /** Sends every batch that is due. */
  #pump(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { maxInFlight = 1, maxWaitMs = 100 } = this.#options;
    while (this.#inFlight.length < maxInFlight) {
      const length = this.#batchLength();
      const first = this.#ready[0];
      if (length === 0 || first === undefined) return;
      const dueInMs = first.addedMs + maxWaitMs - performance.now();
      if (!this.#isFull(length) && this.#flushes === 0 && dueInMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), dueInMs);
        return;
      }
      void this.#send(this.#ready.splice(0, length));
    }
  }

  /** How many of the ready spans may go into a batch now. */
  #batchLength(): number {
    const { maxSpans = 500, maxBytes = 2 ** 20 } = this.#options;
    const candidates = this.#ready.slice(0, maxSpans);
    const taken = candidates.findIndex(({ id }) => this.#inFlight.some((ids) => ids.has(id)));
    return batchLength(taken === -1 ? candidates : candidates.slice(0, taken), maxSpans, maxBytes);
  }

  #isFull(length: number): boolean {
    return length >= (this.#options.maxSpans ?? 500) || length < this.#ready.length;
  }

  /** Retries until every span of the batch is stored or refused. */
  async #send(batch: readonly Held[]): Promise<void> {
    const ids = new Set(batch.map(({ id }) => id));
    this.#inFlight.push(ids);
    for (let attempt = 0; ; attempt += 1) {
      try {
        const { refused } = await this.#appender.batch(batch);
        for (const [index, error] of refused) this.#report(batch[index], error);
        await this.#options.store?.done(batch.map(({ n }) => n));
        break;
      } catch (error) {
        await this.#stall(error, attempt);
        if (this.#isClosed && this.#flushes === 0) return;
      }
    }
    this.#inFlight.splice(this.#inFlight.indexOf(ids), 1);
    this.#settle(batch);
    this.#pump();
  }

  #report(held: Held | undefined, error: LogLineError): void {
    if (held === undefined) return;
    const refusal = { draft: JSON.parse(held.text) as SpanDraft, error };
    if (this.#options.onRefused === undefined) this.#refused.push(refusal);
    else this.#options.onRefused(refusal);
  }

  /** Rejects pending flushes with the error, and pauses; the next flush ends the pause. */
  async #stall(error: unknown, attempt: number): Promise<void> {
    this.#options.onStalled?.(error);
    for (const flush of this.#waitingFlushes) flush.reject(error);
    this.#waitingFlushes.clear();
    this.#wake = new AbortController();
    await pause(1_000 + jitteredDelayMs(attempt), this.#wake.signal).catch(() => undefined);
  }
}

function wireBytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

function checkOptions(options: QueueOptions): void {
  const limits = { maxSpans: MAX_SPANS, maxBytes: MAX_BYTES, maxInFlight: 8, maxWaitMs: 60_000 };
  for (const name of [
    'maxSpans',
    'maxBytes',
    'maxWaitMs',
    'maxQueued',
    'maxQueuedBytes',
    'maxInFlight',
  ] as const) {
    const value = options[name];
    const most: number = { ...limits, maxQueued: 1e6, maxQueuedBytes: 2 ** 30 }[name];
    const least = name === 'maxWaitMs' ? 0 : 1;
    if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most))
      throw new RangeError(`${name} must be a whole number from ${least} to ${most}, got ${value}`);
  }
}

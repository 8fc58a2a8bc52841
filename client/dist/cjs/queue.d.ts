/// <reference lib="esnext.disposable" preserve="true" />
import { type Appender } from './append.js';
import { type Refusal } from './error.js';
import type { IdentifiedDraft, SpanDraft } from './span.js';
/** A span that waits, by the number it was given when it was added. */
export interface QueuedSpan {
    readonly n: number;
    /** JSON. */
    readonly text: string;
}
/** Keeps what a queue holds while the program does not run. */
export interface QueueStore {
    /** What an earlier run left, oldest first. Called once, before anything else. */
    open(): Promise<readonly QueuedSpan[]>;
    /** Resolves when the spans would survive a crash. Calls are settled in the order in which they were made. */
    add(spans: readonly QueuedSpan[]): Promise<void>;
    /** These are stored by the ledger, or refused for good. */
    done(numbers: readonly number[]): Promise<void>;
    close(): Promise<void>;
}
/** When a queue sends, and how much it holds. */
export interface QueueOptions {
    /** Spans of a batch, 1 to 1000 (default 500). */
    readonly maxSpans?: number;
    /** Bytes of a batch (default 1 MiB, at most 4). */
    readonly maxBytes?: number;
    /** How long a span waits for others, 100 ms. */
    readonly maxWaitMs?: number;
    /** Spans that are held at most, 10,000; `add` waits for room. */
    readonly maxQueued?: number;
    /** Bytes that are held at most, 64 MiB. */
    readonly maxQueuedBytes?: number;
    /** Batches on their way at a time, 1 (default) to 8. More are faster, and lose the order of adding. */
    readonly maxInFlight?: number;
    /** Without one, what is held is lost with the process. */
    readonly store?: QueueStore;
    /** Hears of each span that the ledger will not take. Without it `flush` throws {@link SpansRefusedError}. */
    readonly onRefused?: (refusal: Refusal<SpanDraft>) => void;
    /** Hears why nothing can be sent at present; what is held is kept and tried again. */
    readonly onStalled?: (error: unknown) => void;
}
/**
 * Appends spans in batches, in the order of adding. It never drops one: what cannot be sent is kept and tried again,
 * what the ledger refuses is reported, and `add` waits while the queue is full.
 */
export declare class SpanQueue {
    #private;
    constructor(appender: Appender, prepare: (draft: SpanDraft) => Promise<IdentifiedDraft>, options?: QueueOptions);
    /** Spans that are held: added, and neither stored nor refused. */
    get size(): number;
    /**
     * Takes a span, and waits while there is no room. It is safe in the queue, and in its store, once this resolves.
     * @returns the `id` and `seq` it has or was given.
     * @throws the signal's reason while it waits for room; what the store or the signer threw.
     */
    add(draft: SpanDraft, { signal }?: {
        signal?: AbortSignal;
    }): Promise<{
        id: string;
        seq: number;
    }>;
    /**
     * Sends at once what was added before, and waits until the ledger has it.
     * @throws SpansRefusedError for what was refused since the last flush; LogLineError when the ledger cannot be
     *   reached: the spans stay in the queue.
     */
    flush(): Promise<void>;
    /**
     * {@link flush}, then lets go of the store. The queue takes no more.
     * @throws as flush does; what could not be sent is in the store then, or lost when there is none.
     */
    close(): Promise<void>;
    /** {@link close}, for `await using`. */
    [Symbol.asyncDispose](): Promise<void>;
}

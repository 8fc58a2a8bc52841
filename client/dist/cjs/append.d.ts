import { LogLineError, type Refusal } from './error.js';
import type { StoredSpan } from './span.js';
import { type Transport } from './transport.js';
/** A draft as it goes over the wire. */
export interface WireDraft {
    readonly text: string;
    /** UTF-8 bytes of `text`. */
    readonly bytes: number;
}
/** Spans of one request at most. */
export declare const MAX_SPANS = 1000;
/** Bytes of one request at most, a little below the 4 MiB that the ledger takes. */
export declare const MAX_BYTES: number;
/** How a draft is written out. */
export declare function wireDraft(draft: object): WireDraft;
/** The length of the longest start of the list that one request may hold; at least 1. */
export declare function batchLength(drafts: readonly WireDraft[], maxSpans: number, maxBytes: number): number;
/** What became of each span of a batch. */
export interface BatchOutcome {
    /** In the order of the batch; undefined where one was refused. */
    readonly stored: readonly (StoredSpan | undefined)[];
    /** By index within the batch. */
    readonly refused: ReadonlyMap<number, LogLineError>;
}
/** Sends batches, and takes out of them what is refused. */
export declare class Appender {
    #private;
    constructor(transport: Transport);
    /** One span. @throws LogLineError when it is refused. */
    one(draft: WireDraft, signal?: AbortSignal): Promise<StoredSpan>;
    /**
     * Many, of one request. Those that the ledger faults are set apart and the rest is sent again; a refusal that names
     * no span is narrowed down by halves.
     * @throws LogLineError when none is at fault (no answer, no right to write, too much load).
     */
    batch(drafts: readonly WireDraft[], signal?: AbortSignal): Promise<BatchOutcome>;
}
/** What was refused, with the draft it was. */
export declare function refusalsOf<Draft>(drafts: readonly Draft[], refused: ReadonlyMap<number, LogLineError>): Refusal<Draft>[];

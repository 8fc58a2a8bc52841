import { type Refusal } from './error.js';
import { type Delivery, type SubscribeOptions } from './feed.js';
import { type QueueOptions, SpanQueue } from './queue.js';
import { type Entity, type IdentifiedDraft, type Span, type SpanDraft, type StoredSpan, type TimelineOptions } from './span.js';
import { Transport, type TransportOptions } from './transport.js';
/** A span that lacks nothing but its seal. */
export type UnsealedSpan = IdentifiedDraft & {
    readonly seq: number;
    readonly owner_id: string;
    readonly tenant_id: string;
    readonly visibility: 'private' | 'tenant' | 'public';
    readonly is_deleted: boolean;
};
/** Adds `public_key`, `curr_hash` and `signature`; `signerOf` of `logline-client/verify` makes one of a key. */
export type Signer = (span: UnsealedSpan) => Promise<IdentifiedDraft>;
/** Where the ledger is, and who speaks to it. */
export interface LogLineOptions extends TransportOptions {
    /** Signs each span before it is sent; without it the ledger signs. */
    readonly sign?: Signer;
}
/** What became of many spans. */
export interface AppendedAll<Known extends Entity = object> {
    /** Stored, in the order given. Of a very large batch the ledger answers `id`, `seq` and `curr_hash` only. */
    readonly spans: readonly StoredSpan<Known>[];
    /** Not taken, and why. */
    readonly refused: readonly Refusal<SpanDraft<Known>>[];
}
/** How a run ended. */
export interface Executed {
    readonly result: unknown;
    readonly execution: Span;
}
interface CallOptions {
    readonly signal?: AbortSignal;
}
/** Whose token it is. */
export interface Me {
    readonly user: string;
    readonly tenant: string;
    readonly scopes: readonly string[];
    readonly expires_at?: string;
}
/** A ledger, as one caller sees it. Requests are tried again where that is harmless; see `retry`. */
export declare class LogLine {
    #private;
    /** @throws TypeError when there is no usable URL. */
    constructor(options: LogLineOptions);
    /**
     * Appends one span. `id` and `at` are filled before the first try, so it is stored once however often it is sent.
     * @throws LogLineError when it is refused or no answer came.
     */
    append<Known extends Entity = object>(draft: SpanDraft<NoInfer<Known>>, { signal }?: CallOptions): Promise<Span<Known>>;
    /**
     * Appends many, in requests of up to 1000; each request is stored whole or not at all. What the ledger refuses is
     * reported and the rest is stored.
     * @throws LogLineError when no answer came, or the token may not write.
     */
    appendAll<Known extends Entity = object>(drafts: Iterable<SpanDraft<NoInfer<Known>>>, { signal }?: CallOptions): Promise<AppendedAll<Known>>;
    /** A queue that appends in batches; see {@link SpanQueue}. */
    queue(options?: QueueOptions): SpanQueue;
    /** Lists spans by time, as one snapshot, however many pages it takes. */
    timeline<Known extends Entity = object>(options?: TimelineOptions<Known>): AsyncGenerator<Span<Known>, void, undefined>;
    /**
     * Follows the feed: every span that the caller may read, in the order of commit, without gaps, for ever. Going on
     * from the cursor of the last span repeats none.
     * @throws LogLineError once trying again has no time left; the signal's reason.
     */
    subscribe<Known extends Entity = object>(options?: SubscribeOptions<Known>): AsyncGenerator<Delivery<Known>, never, undefined>;
    /** An entity: an async iterable of its versions, newest first, that can be appended to. */
    entity<Known extends Entity = object>(id: string): EntityHandle<Known>;
    /**
     * Runs a function or kernel and waits for it. Tried again only when the ledger says that the run did not begin.
     * @throws LogLineError; of a function that failed, `problem.execution` holds the span.
     */
    execute(functionId: string, input?: unknown, { signal }?: CallOptions): Promise<Executed>;
    /** Asks for a run, and returns the request span; its later versions tell what became of it. */
    request(functionId: string, input?: unknown, { signal }?: CallOptions): Promise<Span>;
    /** Whose token it is. */
    me(): Promise<Me>;
}
/** One entity and its versions, newest first. */
export declare class EntityHandle<Known extends Entity = object> implements AsyncIterable<Span<Known>> {
    #private;
    readonly id: string;
    constructor(ledger: LogLine, transport: Transport, id: string);
    [Symbol.asyncIterator](): AsyncGenerator<Span<Known>, void, undefined>;
    /** The newest version. @throws LogLineError 404 when the caller sees none. */
    latest({ signal }?: CallOptions): Promise<Span<Known>>;
    /**
     * Appends the next version: `seq` and `prev_hash` are those that follow the newest. When somebody else was faster,
     * it follows theirs.
     * @param draft the version, or what makes it of the newest one.
     */
    append(draft: SpanDraft<Known> | ((latest: Span<Known>) => SpanDraft<Known>), { signal }?: CallOptions): Promise<Span<Known>>;
}
export {};

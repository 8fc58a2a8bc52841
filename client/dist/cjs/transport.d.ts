/** Text, or whatever yields one; a function is asked again once when the ledger answers 401. */
export type TokenSource = string | (() => string | Promise<string>);
/** Bounds of trying again. */
export interface RetryOptions {
    /** From the first try to the last, 60,000 ms. */
    readonly deadlineMs?: number;
    /** One try, 30,000 ms. */
    readonly tryMs?: number;
}
/** Where and how to reach a ledger. */
export interface TransportOptions {
    /** Of the ledger, or of each tenant's. An answer never changes it. */
    readonly url: string | Readonly<Record<string, string>>;
    /** Chooses among several URLs. */
    readonly tenant?: string;
    /** Without one, only public spans can be read. */
    readonly token?: TokenSource;
    readonly retry?: RetryOptions;
    /** Instead of the global `fetch`. */
    readonly fetch?: typeof fetch;
}
/** One exchange. */
export interface LedgerRequest {
    readonly method?: 'GET' | 'POST';
    /** From `/api` on, with its query. */
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string | Uint8Array<ArrayBuffer>;
    readonly signal?: AbortSignal | undefined;
    /**
     * When to try again: `idempotent` after whatever may pass, `unstarted` only where the ledger says that it has not
     * begun, `never`. Defaults to `idempotent`.
     */
    readonly retry?: 'idempotent' | 'unstarted' | 'never';
    /** Added to the time of one try, for an answer that was asked to wait. */
    readonly heldMs?: number;
}
/** What came back, with any status. */
export interface LedgerAnswer {
    readonly status: number;
    readonly headers: Headers;
    readonly bytes: Uint8Array;
}
/**
 * Full jitter: anything from nothing to 0.2 s × 2ⁿ, at most 8 s
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export declare function jitteredDelayMs(attempt: number): number;
/** Resolves after some time. @throws the reason of the signal as soon as it aborts. */
export declare function pause(ms: number, signal?: AbortSignal): Promise<void>;
/** Speaks HTTP with one ledger: token, retries, read-your-writes. */
export declare class Transport {
    #private;
    /** Without a slash at its end. */
    readonly url: string;
    /** @throws TypeError when the URL is none, or there is none for the tenant. */
    constructor({ url, tenant, token, retry, fetch: given }: TransportOptions);
    /** The body of a 2xx answer. @throws LogLineError for any other, or when none came. */
    demand(request: LedgerRequest): Promise<unknown>;
    /**
     * The answer, of whatever status, once trying again has no use or no time left.
     * @throws LogLineError when no answer came; the signal's reason when it aborted.
     */
    exchange(request: LedgerRequest): Promise<LedgerAnswer>;
}
/** The body as JSON; undefined when it is none. */
export declare function jsonOf({ bytes }: LedgerAnswer): unknown;

import type { Problem } from './wire.generated.js';
/** One fault of a request, at an RFC 6901 JSON pointer (`""` is the whole document). */
export type Fault = NonNullable<Problem['errors']>[number];
/** What a {@link LogLineError} is made of. */
export interface LogLineErrorParts {
    readonly status: number;
    readonly type: string;
    readonly errors?: readonly Fault[];
    readonly requestId?: string | undefined;
    readonly retryAfterMs?: number | undefined;
    /** All members of the problem document, such as `execution` of a function that failed. */
    readonly problem?: Readonly<Record<string, unknown>>;
    readonly cause?: unknown;
}
/** Whatever the ledger refused, or what kept it from answering. */
export declare class LogLineError extends Error {
    /** HTTP status; 0 when no answer came. */
    readonly status: number;
    /** `type` of the problem document (RFC 9457), such as `urn:logline:problem:conflict`; `network` without an answer. */
    readonly type: string;
    /** Every fault of the request that the ledger named. */
    readonly errors: readonly Fault[];
    /** `x-request-id` of the answer, for whoever reads the server's log. */
    readonly requestId: string | undefined;
    /** How long the ledger asked to wait. */
    readonly retryAfterMs: number | undefined;
    readonly problem: Readonly<Record<string, unknown>>;
    constructor(message: string, parts: LogLineErrorParts);
}
/** A span that the ledger will not take, however often it is sent. */
export interface Refusal<Draft> {
    readonly draft: Draft;
    /** Its pointers begin at the span. */
    readonly error: LogLineError;
}
/** Spans of a queue were refused and nobody had asked to hear of it by `onRefused`. */
export declare class SpansRefusedError<Draft> extends LogLineError {
    readonly refused: readonly Refusal<Draft>[];
    constructor(refused: readonly Refusal<Draft>[]);
}
/** Member of something that came from outside; undefined when there is none. */
export declare function member(holder: unknown, name: string): unknown;
/** What an answer that is no success says. */
export declare function errorOfAnswer(status: number, headers: Headers, body: unknown): LogLineError;

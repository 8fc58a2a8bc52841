/**
 * Errors meant for a caller: one hierarchy with stable codes, each mapped to its HTTP status here and nowhere else.
 * A message says what is wrong and what to do, and carries no SQL, stack or internal name.
 */

/** One fault of an input, at an RFC 6901 JSON pointer (`""` is the whole document). */
export interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

/** The limit that was reached, for the headers of draft-ietf-httpapi-ratelimit-headers. */
export interface RateLimit {
  /** What is limited, in a few words. */
  readonly policy: string;
  /** How much of it a tenant has in one window. */
  readonly quota: number;
  readonly windowSeconds: number;
}

/** What an error may carry beside its message. */
export interface ErrorExtras {
  /** Every fault found, not only the first. */
  readonly faults?: readonly Fault[];
  /** Sent as `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** Sent as `RateLimit-Policy` and `RateLimit`, with nothing left of it until `retryAfterSeconds` have passed. */
  readonly rateLimit?: RateLimit;
  /** Further headers of the answer, their names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the problem document, such as the execution span of a function that failed. */
  readonly members?: { readonly [member: string]: unknown };
  /** For the log only; never sent to a caller. */
  readonly cause?: unknown;
}

/** Base of all errors that are meant for a caller. */
export abstract class LogLineError extends Error {
  /** Stable, snake_case; the last part of the problem's `type`. */
  abstract readonly code: string;
  /** HTTP status of this kind of error. */
  abstract readonly status: number;
  /** Short, constant summary (RFC 9457 `title`). */
  abstract readonly title: string;

  readonly faults: readonly Fault[];
  readonly retryAfterSeconds: number | undefined;
  readonly rateLimit: RateLimit | undefined;
  readonly members: { readonly [member: string]: unknown };
  readonly headers: Readonly<Record<string, string>>;

  constructor(detail: string, extras: ErrorExtras = {}) {
    super(detail, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.name = new.target.name;
    this.faults = extras.faults ?? [];
    this.retryAfterSeconds = extras.retryAfterSeconds;
    this.rateLimit = extras.rateLimit;
    this.members = extras.members ?? {};
    this.headers = extras.headers ?? {};
  }
}

/** 400: the input is not what the contract describes. */
export class MalformedError extends LogLineError {
  readonly code = 'malformed';
  readonly status = 400;
  readonly title = 'The request is malformed';
}

/** 401: no token, or one that is forged, expired, revoked or of another issuer. */
export class UnauthorizedError extends LogLineError {
  readonly code = 'unauthorized';
  readonly status = 401;
  readonly title = 'A valid token is needed';

  constructor(detail: string, extras: ErrorExtras = {}) {
    // RFC 6750 section 3: a challenge belongs to every 401.
    super(detail, { ...extras, headers: { 'www-authenticate': 'Bearer', ...extras.headers } });
  }
}

/** 403: the caller is known, but may not do this. */
export class ForbiddenError extends LogLineError {
  readonly code = 'forbidden';
  readonly status = 403;
  readonly title = 'Not allowed';
}

/** 403: Stage-0 or a kernel refuses to run code that the manifest or the signature does not cover. */
export class BootRefusedError extends LogLineError {
  readonly code = 'boot_refused';
  readonly status = 403;
  readonly title = 'This function may not boot';
}

/** 404: nothing there that the caller may see. */
export class NotFoundError extends LogLineError {
  readonly code = 'not_found';
  readonly status = 404;
  readonly title = 'Not found';
}

/** 405: the path exists, the method does not. */
export class MethodNotAllowedError extends LogLineError {
  readonly code = 'method_not_allowed';
  readonly status = 405;
  readonly title = 'Method not allowed';
}

/** 408: the request took too long to arrive. */
export class RequestTimeoutError extends LogLineError {
  readonly code = 'request_timeout';
  readonly status = 408;
  readonly title = 'The request did not arrive in time';
}

/** 431: more headers than the server takes. */
export class HeadersTooLargeError extends LogLineError {
  readonly code = 'headers_too_large';
  readonly status = 431;
  readonly title = 'Request headers too large';
}

/** 409: a version gap, a fork, or other content under an (id, seq) that is taken. */
export class ConflictError extends LogLineError {
  readonly code = 'conflict';
  readonly status = 409;
  readonly title = 'Conflict with what the ledger holds';
}

/** 410: the cursor was issued by a later state of the ledger than the one its database was restored to. */
export class CursorAheadError extends LogLineError {
  readonly code = 'cursor_ahead';
  readonly status = 410;
  readonly title = 'The cursor is ahead of the ledger';

  constructor() {
    super(
      'The database was restored to a state before this cursor, so its position no longer exists; ask the operator to run logline restore, or start again without a cursor.',
    );
  }
}

/** 503: the database was restored without `logline restore`; the order of the feed cannot be relied on until it has run. */
export class RestoreNeededError extends LogLineError {
  readonly code = 'restore_needed';
  readonly status = 503;
  readonly title = 'The ledger waits for logline restore';

  constructor() {
    super(
      'The database of this ledger was restored, and the order of its feed does not hold until the operator has run logline restore; saved cursors stay valid.',
      { retryAfterSeconds: 60 },
    );
  }
}

/** 413: the request or one span is too large. */
export class TooLargeError extends LogLineError {
  readonly code = 'too_large';
  readonly status = 413;
  readonly title = 'Too large';
}

/** 415: a body in a format that the route does not take. */
export class UnsupportedMediaTypeError extends LogLineError {
  readonly code = 'unsupported_media_type';
  readonly status = 415;
  readonly title = 'Unsupported media type';
}

/** 422: the hash or signature of a client-signed span does not match its content. */
export class BadSignatureError extends LogLineError {
  readonly code = 'bad_signature';
  readonly status = 422;
  readonly title = 'Hash or signature does not match';
}

/** 422: an Idempotency-Key that was used for another request. */
export class IdempotencyKeyReusedError extends LogLineError {
  readonly code = 'idempotency_key_reused';
  readonly status = 422;
  readonly title = 'Idempotency-Key was used for another request';
}

/** 422: a function ended in an error; the execution span holds it. */
export class FunctionFailedError extends LogLineError {
  readonly code = 'function_failed';
  readonly status = 422;
  readonly title = 'The function ended in an error';
}

/** 429: the tenant's quota or the server's queue is used up. */
export class QuotaExceededError extends LogLineError {
  readonly code = 'quota_exceeded';
  readonly status = 429;
  readonly title = 'Quota used up';
}

/** 429: the tenant holds its share of something while others wait for theirs. */
export class ShareUsedUpError extends LogLineError {
  readonly code = 'share_used_up';
  readonly status = 429;
  readonly title = 'Share used up';
}

/** 500: a defect of LogLine. The cause goes to the log only. */
export class InternalError extends LogLineError {
  readonly code = 'internal';
  readonly status = 500;
  readonly title = 'Internal error';
}

/** 503: the database (or another dependency) does not answer; try again. */
export class UnavailableError extends LogLineError {
  readonly code = 'unavailable';
  readonly status = 503;
  readonly title = 'Temporarily unavailable';
}

/** A setting is missing or invalid; the process does not start. */
export class ConfigurationError extends LogLineError {
  readonly code = 'configuration';
  readonly status = 500;
  readonly title = 'The configuration is not usable';
}

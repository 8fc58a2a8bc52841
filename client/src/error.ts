import type { Problem } from './wire.generated';

/** One fault of a request, at an RFC 6901 JSON pointer (`""` is the whole document). */
export type Fault = NonNullable<Problem['errors']>[number];

/** Values of a {@link LogLineError}. */
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

/** An error answer of the ledger, or a failure to get an answer. */
export class LogLineError extends Error {
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  /** `type` of the problem document (RFC 9457), such as `urn:logline:problem:conflict`; `network` without an answer. */
  readonly type: string;
  /** Every fault of the request that the ledger named. */
  readonly errors: readonly Fault[];
  /** `x-request-id` of the answer, to find the request in the server's log. */
  readonly requestId: string | undefined;
  /** How long the ledger asked to wait. */
  readonly retryAfterMs: number | undefined;
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(message: string, parts: LogLineErrorParts) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = 'LogLineError';
    this.status = parts.status;
    this.type = parts.type;
    this.errors = parts.errors ?? [];
    this.requestId = parts.requestId;
    this.retryAfterMs = parts.retryAfterMs;
    this.problem = parts.problem ?? {};
  }
}

/** A span that the ledger refuses; a retry cannot resolve it. */
export interface Refusal<Draft> {
  readonly draft: Draft;
  /** The pointers of its faults are relative to the span. */
  readonly error: LogLineError;
}

/** Spans of a queue were refused, and the queue has no `onRefused` callback. */
export class SpansRefusedError<Draft> extends LogLineError {
  readonly refused: readonly Refusal<Draft>[];

  constructor(refused: readonly Refusal<Draft>[]) {
    const first = refused[0]?.error;
    super(`the ledger refused ${refused.length} spans; the first: ${first?.message}`, {
      status: first?.status ?? 0,
      type: first?.type ?? 'refused',
      errors: first?.errors ?? [],
      cause: first,
    });
    this.name = 'SpansRefusedError';
    this.refused = refused;
  }
}

/** A member of an unchecked value; undefined when there is none. */
export function member(holder: unknown, name: string): unknown {
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, name)
    ? (holder as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

/** The error for an unsuccessful answer. */
export function errorOfAnswer(status: number, headers: Headers, body: unknown): LogLineError {
  const text = (name: string): string | undefined => {
    const value = member(body, name);
    return typeof value === 'string' ? value : undefined;
  };
  const said = text('detail') ?? text('title') ?? text('message') ?? 'no explanation';
  const errors = member(body, 'errors');
  return new LogLineError(`${status}: ${said}`, {
    status,
    type: text('type') ?? 'about:blank',
    errors: Array.isArray(errors) ? errors.flatMap(faultOf) : [],
    requestId: headers.get('x-request-id') ?? undefined,
    retryAfterMs: retryAfterMs(headers.get('retry-after')),
    problem: typeof body === 'object' && body !== null ? { ...body } : {},
  });
}

function faultOf(value: unknown): Fault[] {
  const pointer = member(value, 'pointer');
  const detail = member(value, 'detail');
  return typeof pointer === 'string' && typeof detail === 'string' ? [{ pointer, detail }] : [];
}

/** Time of a Retry-After header (RFC 9110 section 10.2.3), which holds seconds or a date. */
function retryAfterMs(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

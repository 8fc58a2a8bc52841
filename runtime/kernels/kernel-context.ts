import type { Identity } from '../base/identity';
import type { JsonValue, SignedSpan } from '../base/span';
import type { ManifestSettings } from '../ledger/manifest';
import type { SpanDraft } from '../ledger/span-draft';
import type { FeedPosition, FeedSpan } from '../ledger/span-reader';
import type { SpanVerdict } from '../ledger/span-signature';
import type { SandboxOutcome, SandboxTask } from '../sandbox';
import type { KernelName } from './stable-ids';

export type { ManifestSettings } from '../ledger/manifest';

/** The `ctx` of every function. */
export interface FunctionContext {
  readonly env: {
    readonly APP_USER_ID: string;
    readonly APP_TENANT_ID: string;
    /** Only for a kernel that the manifest lets boot and whose span verifies under the instance key. */
    readonly SIGNING_KEY_HEX: string | undefined;
  };
  /** A parameterised statement in a transaction of its own, under the identity of this context. */
  sql<Row = Record<string, unknown>>(
    strings: TemplateStringsArray,
    ...values: readonly unknown[]
  ): Promise<{ readonly rows: Row[] }>;
  /**
   * Completes, signs and appends one span as this context's identity; a list is appended all or nothing and returned as
   * a list. Appending the same (id, seq) with the same content again changes nothing.
   */
  insertSpan(draft: SpanDraft): Promise<SignedSpan>;
  insertSpan(drafts: readonly SpanDraft[]): Promise<readonly SignedSpan[]>;
  /** Signs without appending; only a span of this context's own owner and tenant. */
  signSpan(draft: SpanDraft): Promise<SignedSpan>;
  verifySpan(span: JsonValue): Promise<SpanVerdict>;
  /** RFC 3339 in UTC with milliseconds. */
  now(): string;
  readonly crypto: {
    blake3(bytes: Uint8Array): Uint8Array;
    readonly ed25519: {
      sign(message: Uint8Array, secretKey: Uint8Array): Uint8Array;
      verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
      getPublicKey(secretKey: Uint8Array): Uint8Array;
    };
    hex(bytes: Uint8Array): string;
    toU8(hex: string): Uint8Array;
    randomUUID(): string;
  };
}

/** A request of provider_exec to an external service. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whole exchange, body included. */
  readonly timeoutMs: number;
  /** Longer answers are cut off and refused. */
  readonly maxResponseBytes: number;
}

/** The service's response, or why there is none. */
export type OutgoingResponse =
  | {
      readonly ok: true;
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      /** As text that a span can carry. */
      readonly body: string;
      /** The body as JSON that a span can carry, or its fault, such as "is not JSON". */
      readonly json: { readonly value: JsonValue } | { readonly fault: string };
    }
  | {
      readonly ok: false;
      readonly code:
        | 'host_not_allowed'
        | 'address_not_allowed'
        | 'redirect'
        | 'timeout'
        | 'too_large'
        | 'truncated'
        | 'unreachable'
        | 'bad_url';
      readonly message: string;
    };

/** The outcome of a kernel started by another kernel or Stage-0. A tick has no execution of its own. */
export type KernelOutcome =
  | { readonly ok: true; readonly result: JsonValue; readonly execution: SignedSpan | null }
  | { readonly ok: false; readonly error: KernelError; readonly execution: SignedSpan | null };

/** Why a run ended without a result. Plain data, since on AWS it is sent between Lambdas. */
export interface KernelError {
  /**
   * `not_found`, `forbidden`, `boot_refused`, `malformed` and `quota_exceeded` are final; `function_failed` and
   * `unavailable` may succeed on another attempt.
   */
  readonly code:
    | 'not_found'
    | 'forbidden'
    | 'boot_refused'
    | 'malformed'
    | 'quota_exceeded'
    | 'function_failed'
    | 'unavailable';
  readonly message: string;
  /** Seconds, for `quota_exceeded` and `unavailable`. */
  readonly retry_after_s?: number;
  /** The limit that was reached, for `quota_exceeded`. */
  readonly rate_limit?: { readonly policy: string; readonly quota: number; readonly window_s: number };
  /** The error that the function's code threw, or the limit it reached. */
  readonly cause?: JsonValue;
}

/** The `ctx` of the five kernels, with the host's further capabilities. */
export interface KernelContext extends FunctionContext {
  readonly identity: Identity;
  /**
   * A statement without an identity, under the kernels' own database role: it may call the functions that find and claim
   * work of all tenants, which return ids, and can read no table.
   */
  workSql<Row = Record<string, unknown>>(
    strings: TemplateStringsArray,
    ...values: readonly unknown[]
  ): Promise<{ readonly rows: Row[] }>;
  /** The same context under another identity, by which a kernel reads the span of an id that it found. */
  as(identity: Identity): KernelContext;
  /**
   * A deterministic UUID for these parts in this tenant, also after the tenant was moved, which callers cannot compute
   * (RFC 9562 version 8, BLAKE3 with a secret). Appending under it twice appends once, so that a retry after a crash is
   * exact.
   */
  stableId(...parts: readonly string[]): Promise<string>;
  /** The newest version of an entity that this identity may read. */
  readSpan(id: string): Promise<SignedSpan | null>;
  /** Spans that this identity may read, deleted ones included, in commit order after a position. */
  feed(
    after: FeedPosition,
    limit: number,
  ): Promise<{ readonly spans: readonly FeedSpan[]; readonly next: FeedPosition; readonly hasMore: boolean }>;
  /** The newest version of the manifest, verified. @throws BootRefusedError when it does not verify */
  manifest(): Promise<ManifestSettings>;
  /**
   * Runs hostile code with a `ctx` under this context's identity. `trusted` code also gets SIGNING_KEY_HEX.
   * `pure` code (policies) may neither read nor write. What a snapshot saw whose `pg_snapshot_xmax` is `seenXmax`, the
   * code's `ctx.sql` sees, be it on a reader; without it `ctx.sql` reads from the writer.
   */
  sandbox(
    task: Pick<SandboxTask, 'code' | 'entry' | 'input' | 'limits' | 'filename'> & {
      readonly trusted?: boolean;
      readonly pure?: boolean;
      readonly seenXmax?: string;
    },
  ): Promise<SandboxOutcome>;
  /** Starts another kernel on behalf of this context's identity and waits. Never throws. */
  invoke(kernel: KernelName, event: JsonValue): Promise<KernelOutcome>;
  /**
   * The due times of a `rate(…)` or `cron(…)` expression in (after, until], oldest first; the latest 100 if there are
   * more. @throws MalformedError for an invalid expression
   */
  dueTimes(
    expression: unknown,
    timezone: unknown,
    anchor: string,
    after: string,
    until: string,
  ): readonly string[];
  /** The first due time after a timestamp; null when there is none. @throws MalformedError like dueTimes */
  nextDueTime(expression: unknown, timezone: unknown, anchor: string, after: string): string | null;
  /** Calls an external service, on allow-listed hosts and public addresses only. Never throws. */
  fetch(request: OutgoingRequest, allowedHosts: readonly string[]): Promise<OutgoingResponse>;
  /** A provider's API key from the secret store; undefined when there is none by this name. */
  secret(name: string): Promise<string | undefined>;
  /**
   * Waits, for back-off and leases, until `over` settles at the latest.
   * @throws Error when the run is stopped
   */
  sleep(ms: number, over?: Promise<unknown>): Promise<void>;
  /** Milliseconds until this run must be over; batches stop before it. */
  remainingMs(): number;
  /** A line of the structured log. Ids and counts only, never content. */
  log(level: 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>): void;
}

import { errorOfAnswer, LogLineError, member } from './error';

/** Provides tokens, and a new one after a refusal. */
export interface RenewedToken {
  current(): Promise<string>;
  /** Called once when the ledger answers 401, before the request is tried again. */
  renew(): void;
}

/** Limits of retries. */
export interface RetryOptions {
  /** From the first attempt to the last; defaults to 60,000. */
  readonly deadlineMs?: number;
  /** Timeout of one attempt; defaults to 30,000. */
  readonly tryMs?: number;
}

/** How to reach a ledger. */
export interface TransportOptions {
  /** URL of the ledger without a trailing slash. Redirects are not followed. */
  readonly url: string;
  /** Without one, only public spans can be read. */
  readonly token?: string | RenewedToken | undefined;
  readonly retry?: RetryOptions;
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

/** A request to the ledger. */
export interface LedgerRequest {
  readonly method?: 'GET' | 'POST';
  /** Path from `/api` on, with the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal | undefined;
  /**
   * When to retry: `idempotent` after every transient failure, `unstarted` only when the ledger says that the work has
   * not begun, or `never`. Defaults to `idempotent`.
   */
  readonly retry?: 'idempotent' | 'unstarted' | 'never';
  /** Overrides the transport's; null sends none. */
  readonly token?: string | null;
  /** Added to the timeout of an attempt, for an answer that the ledger was asked to hold. */
  readonly heldMs?: number;
}

/** An answer of any status. */
export interface LedgerAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

const DEADLINE_MS = 60_000;
const TRY_MS = 30_000;
const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 8_000;

/**
 * Full jitter: a random delay from 0 to 0.2 s × 2ⁿ, at most 8 s
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export function jitteredDelayMs(attempt: number): number {
  return Math.random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
}

/** Resolves after a time. @throws the reason of the signal as soon as it aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** HTTP requests to one ledger: token, retries, read-your-writes. */
export class Transport {
  readonly url: string;
  readonly #token: string | RenewedToken | undefined;
  readonly #retry: RetryOptions;
  readonly #fetch: typeof fetch;
  #position: string | undefined;

  constructor({
    url,
    token,
    retry = {},
    fetch: given = (input, init) => fetch(input, init),
  }: TransportOptions) {
    this.url = url;
    this.#token = token;
    this.#retry = retry;
    this.#fetch = given;
  }

  /** The body of a 2xx answer. @throws LogLineError for any other answer, or none. */
  async demand(request: LedgerRequest): Promise<unknown> {
    const answer = await this.exchange(request);
    if (answer.status >= 200 && answer.status <= 299) return jsonOf(answer);
    throw errorOfAnswer(answer.status, answer.headers, jsonOf(answer));
  }

  /**
   * The answer of any status, after retries.
   * @throws LogLineError when none arrives before the deadline; the signal's reason when it aborts.
   */
  async exchange(request: LedgerRequest): Promise<LedgerAnswer> {
    const deadline = performance.now() + (this.#retry.deadlineMs ?? DEADLINE_MS);
    let renewable = typeof this.#token === 'object' ? this.#token : undefined;
    for (let attempt = 0; ; attempt += 1) {
      request.signal?.throwIfAborted();
      const outcome = await this.#try(request, deadline);
      if (outcome.answer?.status === 401 && renewable) {
        renewable.renew();
        renewable = undefined;
        continue;
      }
      const delayMs = delayBefore(request, outcome, attempt);
      if (delayMs === undefined || deadline - performance.now() <= delayMs) {
        if (outcome.answer === undefined) throw outcome.error;
        this.#keepPosition(request, outcome.answer);
        return outcome.answer;
      }
      await pause(delayMs, request.signal);
    }
  }

  async #try(request: LedgerRequest, deadline: number): Promise<Outcome> {
    const { signal, path, method = 'GET', body, heldMs = 0 } = request;
    const left = Math.max(1, Math.ceil(deadline - performance.now()));
    const timeLimit = AbortSignal.timeout(Math.min(this.#retry.tryMs ?? TRY_MS, left) + heldMs);
    const headers = await this.#headers(request);
    try {
      const response = await this.#fetch(this.url + path, {
        method,
        headers,
        // A redirect could send the token to another host.
        redirect: 'manual',
        signal: signal === undefined ? timeLimit : AbortSignal.any([signal, timeLimit]),
        ...(body === undefined ? {} : { body }),
      });
      const bytes = new Uint8Array(await response.arrayBuffer());
      const { status } = response;
      if (response.type === 'opaqueredirect' || (status >= 300 && status <= 399)) {
        throw new LogLineError(`${this.url} redirects, which is not followed; use that url`, {
          status,
          type: 'redirect',
        });
      }
      return { answer: { status, headers: response.headers, bytes } };
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof LogLineError) throw cause;
      const why = cause instanceof Error ? (member(cause.cause, 'code') ?? cause.message) : cause;
      return {
        error: new LogLineError(`no answer from ${this.url} (${why})`, { status: 0, type: 'network', cause }),
      };
    }
  }

  async #headers({ method = 'GET', headers = {}, token }: LedgerRequest): Promise<Record<string, string>> {
    const all: Record<string, string> = { accept: 'application/json', ...headers };
    if (method === 'GET' && this.#position !== undefined) all['x-logline-at-least'] = this.#position;
    const own = token === undefined ? this.#token : token;
    const bearer = typeof own === 'object' ? await own?.current() : own;
    if (bearer) all.authorization ??= `Bearer ${bearer}`;
    return all;
  }

  #keepPosition({ method }: LedgerRequest, { headers }: LedgerAnswer): void {
    if (method === 'POST') this.#position = headers.get('x-logline-position') ?? this.#position;
  }
}

type Outcome =
  | { readonly answer: LedgerAnswer; readonly error?: undefined }
  | { readonly answer?: undefined; readonly error: LogLineError };

/** Delay before the next attempt; undefined for no retry. */
function delayBefore({ retry = 'idempotent' }: LedgerRequest, { answer }: Outcome, attempt: number) {
  if (retry === 'never') return undefined;
  if (answer === undefined) return retry === 'idempotent' ? jitteredDelayMs(attempt) : undefined;
  const { status, headers } = answer;
  const mayPass =
    retry === 'idempotent'
      ? status === 408 || status === 429 || status >= 500
      : status === 429 || (status === 503 && member(jsonOf(answer), 'began') === false);
  if (!mayPass) return undefined;
  return errorOfAnswer(status, headers, undefined).retryAfterMs ?? jitteredDelayMs(attempt);
}

const decoder = new TextDecoder();

/** The body as JSON; undefined when it is none. */
export function jsonOf({ bytes }: LedgerAnswer): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}

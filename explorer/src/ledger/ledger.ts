import { errorOfAnswer, LogLineError } from '../../../client/src/error';
import { feedPagesOf, timelineOf, versionsOf } from '../../../client/src/feed';
import type { Span } from '../../../client/src/span';
import { jsonOf, type LedgerRequest, Transport } from '../../../client/src/transport';
import { type Filter, queryOf } from '../filter';
import { listOf, member, textOf } from '../json';
import { Store } from '../store';
import { type KeyBook, keyBookOf } from './key-book';

export type { Span };
export { LogLineError };

/** The caller, as the token names them. */
export interface Me {
  readonly user: string;
  readonly tenant: string;
  readonly scopes: readonly string[];
  readonly expiresAt: string | undefined;
}

/** Whether the ledger answered the latest request. */
export const reachable = new Store(true);

/** Spans per page of the listing. */
export const PAGE_SPANS = 100;
/** Shorter than the client's default, because a person waits. */
const DEADLINE_MS = 15_000;

/** The API, called with one token or none. */
export class Ledger {
  readonly #transport: Transport;
  readonly #onUnauthorized: () => void;
  #keys: Promise<KeyBook> | undefined;

  /** @param onUnauthorized called on status 401 */
  constructor(token: string | undefined, onUnauthorized: () => void) {
    this.#onUnauthorized = onUnauthorized;
    this.#transport = new Transport({
      url: location.origin,
      ...(token === undefined ? {} : { token }),
      retry: { deadlineMs: DEADLINE_MS },
      fetch: (input, init) => this.#watchedFetch(input, init),
    });
  }

  async me(): Promise<Me | undefined> {
    const body = await this.#transport.demand({ path: '/api/me' });
    const user = textOf(body, 'user');
    const tenant = textOf(body, 'tenant');
    if (user === undefined || tenant === undefined) return undefined;
    const scopes = listOf(body, 'scopes').filter((scope) => typeof scope === 'string');
    return { user, tenant, scopes, expiresAt: textOf(body, 'expires_at') };
  }

  /** The keys of the instance, cached for a minute. */
  keys(): Promise<KeyBook> {
    if (this.#keys === undefined) {
      this.#keys = this.#transport.demand({ path: '/api/keys' }).then(keyBookOf);
      const asked = this.#keys;
      const forget = (): void => {
        if (this.#keys === asked) this.#keys = undefined;
      };
      asked.then(() => setTimeout(forget, 60_000), forget);
    }
    return this.#keys;
  }

  timeline(filter: Filter, signal?: AbortSignal, limit = PAGE_SPANS): AsyncGenerator<Span, void, undefined> {
    return timelineOf(this.#transport, { ...queryOf(filter), limit, ...(signal ? { signal } : {}) });
  }

  /** The newest `count` spans with these values. */
  newest(values: Filter['values'], count: number, signal: AbortSignal): Promise<readonly Span[]> {
    return firstOf(this.timeline({ values }, signal, count), count);
  }

  /**
   * Yields spans that commit after `from`. `onReady` is called once no later commit can be missed. The cursor of a span
   * is that of its page, so spans of that page may repeat after a resumption.
   */
  async *tail(
    filter: Filter,
    signal: AbortSignal,
    onReady: (cursor: string) => void,
    from = 'end',
  ): AsyncGenerator<{ readonly span: Span; readonly cursor: string }> {
    const options = { ...queryOf(filter), from, signal, onCaughtUp: onReady };
    for await (const { spans, place } of feedPagesOf(this.#transport, options))
      for (const span of spans) yield { span, cursor: place };
  }

  /** The newest version of an entity, or version `seq`. */
  async span(id: string, seq?: string): Promise<Span> {
    const query = seq === undefined ? '' : `?seq=${encodeURIComponent(seq)}`;
    const body = await this.#transport.demand({ path: `/api/spans/${encodeURIComponent(id)}${query}` });
    return spanIn(body, 'span');
  }

  /** The newest `count` versions of an entity, newest first. */
  versions(id: string, count: number, signal: AbortSignal): Promise<readonly Span[]> {
    return firstOf(versionsOf(this.#transport, id, signal), count);
  }

  /** Runs a function and returns its result and execution. */
  async execute(functionId: string, input: unknown): Promise<{ result: unknown; execution: Span }> {
    const body = await this.#execute(functionId, input, {});
    return { result: member(body, 'result'), execution: spanIn(body, 'execution') };
  }

  /** Requests a run in the background and returns the request. */
  async request(functionId: string, input: unknown): Promise<Span> {
    return spanIn(await this.#execute(functionId, input, { prefer: 'respond-async' }), 'request');
  }

  /** The JSON of another route. */
  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
    return this.#transport.demand({ path, headers });
  }

  /** Status and JSON, for routes whose 202 or 404 carries information. */
  async answer(request: LedgerRequest): Promise<{ status: number; body: unknown }> {
    const answer = await this.#transport.exchange(request);
    const body = jsonOf(answer);
    if (answer.status >= 500) throw errorOfAnswer(answer.status, answer.headers, body);
    return { status: answer.status, body };
  }

  #execute(functionId: string, input: unknown, headers: Readonly<Record<string, string>>): Promise<unknown> {
    return this.#transport.demand({
      method: 'POST',
      path: `/api/execute/${encodeURIComponent(functionId)}`,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(input === undefined ? {} : { input }),
      retry: 'unstarted',
    });
  }

  async #watchedFetch(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
    try {
      const response = await fetch(input, { ...init, cache: 'no-store', credentials: 'omit' });
      reachable.value = ![502, 503, 504].includes(response.status);
      if (response.status === 401) this.#onUnauthorized();
      return response;
    } catch (error) {
      // Leaving a page or changing a filter aborts its requests, which says nothing about the ledger.
      const reason: unknown = init?.signal?.reason;
      const isTimeout = reason instanceof DOMException && reason.name === 'TimeoutError';
      if (init?.signal?.aborted !== true || isTimeout) reachable.value = false;
      throw error;
    }
  }
}

function spanIn(body: unknown, name: string): Span {
  const span = member(body, name);
  if (typeof textOf(span, 'id') === 'string') return span as Span;
  throw new LogLineError('the ledger answered with something else than was asked for', {
    status: 0,
    type: 'answer',
  });
}

async function firstOf<T>(listing: AsyncIterable<T>, count: number): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const one of listing) if (found.push(one) >= count) break;
  return found;
}

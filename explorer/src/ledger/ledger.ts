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

/** Whose token it is. */
export interface Me {
  readonly user: string;
  readonly tenant: string;
  readonly scopes: readonly string[];
  readonly expiresAt: string | undefined;
}

/** Whether the ledger answers. */
export const reachable = new Store(true);

/** Spans of a page of the listing. */
export const PAGE_SPANS = 100;
/** Shorter than the client's default, since a person waits. */
const DEADLINE_MS = 15_000;

/** The ledger, read with one token. */
export class Ledger {
  readonly #transport: Transport;
  readonly #onUnauthorized: () => void;
  #keys: Promise<KeyBook> | undefined;

  /** @param onUnauthorized called when the ledger does not take the token (any more) */
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

  /** The keys of the instance, asked for once a minute. */
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

  /** The newest spans that have some members, at most so many. */
  newest(values: Filter['values'], count: number, signal: AbortSignal): Promise<readonly Span[]> {
    return firstOf(this.timeline({ values }, signal, count), count);
  }

  /**
   * What comes from now on; `onReady` is called once nothing that commits can be missed. The cursor of a span is that
   * of its page, so some may come again.
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

  /** The newest version, or the one asked for. */
  async span(id: string, seq?: string): Promise<Span> {
    const query = seq === undefined ? '' : `?seq=${encodeURIComponent(seq)}`;
    const body = await this.#transport.demand({ path: `/api/spans/${encodeURIComponent(id)}${query}` });
    return spanIn(body, 'span');
  }

  /** Newest first, at most so many. */
  versions(id: string, count: number, signal: AbortSignal): Promise<readonly Span[]> {
    return firstOf(versionsOf(this.#transport, id, signal), count);
  }

  /** Runs a function, and gives back its execution. */
  async execute(functionId: string, input: unknown): Promise<{ result: unknown; execution: Span }> {
    const body = await this.#execute(functionId, input, {});
    return { result: member(body, 'result'), execution: spanIn(body, 'execution') };
  }

  /** Asks for a run, and gives back the request. */
  async request(functionId: string, input: unknown): Promise<Span> {
    return spanIn(await this.#execute(functionId, input, { prefer: 'respond-async' }), 'request');
  }

  /** Any other answer of the API that is JSON. */
  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
    return this.#transport.demand({ path, headers });
  }

  /** The same with its status, for answers such as 202 or 404 that are news as well. */
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
      // A page that is left or a filter that changes ends its requests; that is no news of the ledger.
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

import { Appender, batchLength, MAX_BYTES, MAX_SPANS, refusalsOf, wireDraft } from './append';
import { LogLineError, member, type Refusal } from './error';
import { type Delivery, feedOf, type SubscribeOptions, timelineOf, versionsOf } from './feed';
import { type LedgerUrl, ledgerUrl } from './ledger-url';
import { type QueueOptions, SpanQueue } from './queue';
import {
  type Entity,
  type IdentifiedDraft,
  identified,
  type Span,
  type SpanDraft,
  type StoredSpan,
  type TimelineOptions,
} from './span';
import { type TokenSource, tokenOf } from './token-source';
import { Transport, type TransportOptions } from './transport';

/** A complete span without `public_key`, `curr_hash` and `signature`. */
export type UnsealedSpan = IdentifiedDraft & {
  readonly seq: number;
  readonly owner_id: string;
  readonly tenant_id: string;
  readonly visibility: 'private' | 'tenant' | 'public';
  readonly is_deleted: boolean;
};

/** Adds `public_key`, `curr_hash` and `signature`; `signerOf` of `logline-client/verify` makes one of a key. */
export type Signer = (span: UnsealedSpan) => Promise<IdentifiedDraft>;

/** The ledger's address and the caller's token. */
export interface LogLineOptions extends Omit<TransportOptions, 'url' | 'token'> {
  /** URL of the ledger, or of the ledger of each tenant. */
  readonly url: LedgerUrl;
  /** Chooses among several URLs. */
  readonly tenant?: string;
  /** Without one, only public spans can be read. */
  readonly token?: TokenSource;
  /** Signs each span before it is sent; without it the ledger signs. */
  readonly sign?: Signer;
}

/** The result of appending many spans. */
export interface AppendedAll<Known extends Entity = object> {
  /** Stored spans in the order given; only `id`, `seq` and `curr_hash` when the answer would be too large. */
  readonly spans: readonly StoredSpan<Known>[];
  /** Refused spans with the reason. */
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

/** The caller, as the token names them. */
export interface Me {
  readonly user: string;
  readonly tenant: string;
  readonly scopes: readonly string[];
  readonly expires_at?: string;
}

/** Attempts to append a version while others append concurrently. */
const MAX_VERSION_TRIES = 10;

/** A client of one ledger for one caller. Safe requests are retried; see `retry`. */
export class LogLine {
  readonly #transport: Transport;
  readonly #appender: Appender;
  readonly #sign: Signer | undefined;
  #me: Promise<Me> | undefined;

  /** @throws TypeError when there is no usable URL. */
  constructor(options: LogLineOptions) {
    const { url, tenant, token } = options;
    this.#transport = new Transport({ ...options, url: ledgerUrl(url, tenant), token: tokenOf(token) });
    this.#appender = new Appender(this.#transport);
    this.#sign = options.sign;
  }

  /**
   * Appends one span. Missing `id` and `at` are filled first, so that retries store it only once.
   * @throws LogLineError when it is refused, or no answer arrives
   */
  async append<Known extends Entity = object>(
    draft: SpanDraft<NoInfer<Known>>,
    { signal }: CallOptions = {},
  ): Promise<Span<Known>> {
    return spanOf<Known>(await this.#appender.one(wireDraft(await this.#prepared(draft)), signal));
  }

  /**
   * Appends spans in requests of up to 1000, each stored whole or not at all. Refused spans are reported, and the others
   * stored.
   * @throws LogLineError when no answer arrives, or the token may not write
   */
  async appendAll<Known extends Entity = object>(
    drafts: Iterable<SpanDraft<NoInfer<Known>>>,
    { signal }: CallOptions = {},
  ): Promise<AppendedAll<Known>> {
    const given = [...drafts];
    const spans: StoredSpan<Known>[] = [];
    const refused: Refusal<SpanDraft<Known>>[] = [];
    // Prepared once, so that a span keeps its id across retries.
    const wires = await Promise.all(given.map(async (draft) => wireDraft(await this.#prepared(draft))));
    for (let start = 0; start < wires.length; ) {
      const window = wires.slice(start, start + MAX_SPANS);
      const batch = window.slice(0, batchLength(window, MAX_SPANS, MAX_BYTES));
      const outcome = await this.#appender.batch(batch, signal);
      for (const span of outcome.stored) if (span !== undefined) spans.push(span as StoredSpan<Known>);
      refused.push(...refusalsOf(given.slice(start, start + batch.length), outcome.refused));
      start += batch.length;
    }
    return { spans, refused };
  }

  /** A queue that appends in batches; see {@link SpanQueue}. */
  queue(options: QueueOptions = {}): SpanQueue {
    // A queue does not use the echo of its batches.
    const appender = new Appender(this.#transport, 'return=minimal');
    return new SpanQueue(appender, (draft) => this.#prepared(draft), options);
  }

  /** Lists spans by time, page by page, all from one snapshot. */
  timeline<Known extends Entity = object>(
    options: TimelineOptions<Known> = {},
  ): AsyncGenerator<Span<Known>, void, undefined> {
    return timelineOf(this.#transport, options);
  }

  /**
   * Follows the feed: every span that the caller may read, in commit order, without gaps. Never ends by itself. Resuming
   * from the cursor of the last span repeats none.
   * @throws LogLineError when retries are exhausted; the signal's reason
   */
  subscribe<Known extends Entity = object>(
    options: SubscribeOptions<Known> = {},
  ): AsyncGenerator<Delivery<Known>, never, undefined> {
    return feedOf(this.#transport, options);
  }

  /** An entity: an async iterable of its versions, newest first, that can be appended to. */
  entity<Known extends Entity = object>(id: string): EntityHandle<Known> {
    return new EntityHandle<Known>(this, this.#transport, id);
  }

  /**
   * Runs a function or kernel and waits for it. Retried only when the ledger says that the run did not begin.
   * @throws LogLineError; of a function that failed, `problem.execution` holds the span.
   */
  async execute(functionId: string, input?: unknown, { signal }: CallOptions = {}): Promise<Executed> {
    const body = await this.#execute(functionId, input, signal);
    return { result: member(body, 'result'), execution: spanOf(member(body, 'execution')) };
  }

  /** Requests a run and returns the request span, whose later versions have the outcome. */
  async request(functionId: string, input?: unknown, { signal }: CallOptions = {}): Promise<Span> {
    return spanOf(member(await this.#execute(functionId, input, signal, 'respond-async'), 'request'));
  }

  /** The caller, as the token names them. */
  me(): Promise<Me> {
    this.#me ??= this.#readMe().catch((error) => {
      this.#me = undefined;
      throw error;
    });
    return this.#me;
  }

  #execute(
    functionId: string,
    input: unknown,
    signal: AbortSignal | undefined,
    prefer?: string,
  ): Promise<unknown> {
    return this.#transport.demand({
      method: 'POST',
      path: `/api/execute/${encodeURIComponent(functionId)}`,
      headers: { 'content-type': 'application/json', ...(prefer === undefined ? {} : { prefer }) },
      body: JSON.stringify(input === undefined ? {} : { input }),
      retry: 'unstarted',
      signal,
    });
  }

  async #readMe(): Promise<Me> {
    const body = await this.#transport.demand({ path: '/api/me' });
    if (typeof member(body, 'user') === 'string' && typeof member(body, 'tenant') === 'string')
      return body as Me;
    throw answerError();
  }

  async #prepared(draft: SpanDraft): Promise<IdentifiedDraft> {
    const span = identified(draft);
    if (this.#sign === undefined || typeof span.signature === 'string') return span;
    const isOwned = typeof span.owner_id === 'string' && typeof span.tenant_id === 'string';
    const { user, tenant } = isOwned ? { user: '', tenant: '' } : await this.me();
    return this.#sign({
      ...span,
      seq: span.seq ?? 0,
      owner_id: span.owner_id ?? user,
      tenant_id: span.tenant_id ?? tenant,
      visibility: span.visibility ?? 'private',
      is_deleted: span.is_deleted ?? false,
    });
  }
}

/** One entity and its versions, newest first. */
export class EntityHandle<Known extends Entity = object> implements AsyncIterable<Span<Known>> {
  readonly id: string;
  readonly #ledger: LogLine;
  readonly #transport: Transport;

  constructor(ledger: LogLine, transport: Transport, id: string) {
    this.#ledger = ledger;
    this.#transport = transport;
    this.id = id;
  }

  [Symbol.asyncIterator](): AsyncGenerator<Span<Known>, void, undefined> {
    return versionsOf(this.#transport, this.id);
  }

  /** The newest version. @throws LogLineError 404 when the caller sees none. */
  async latest({ signal }: CallOptions = {}): Promise<Span<Known>> {
    const body = await this.#transport.demand({ path: `/api/spans/${encodeURIComponent(this.id)}`, signal });
    return spanOf<Known>(member(body, 'span'));
  }

  /**
   * Appends the next version, with `seq` and `prev_hash` after the newest one. On a concurrent append it retries after the
   * other's version.
   * @param draft the version, or a function that makes it from the newest one
   */
  async append(
    draft: SpanDraft<Known> | ((latest: Span<Known>) => SpanDraft<Known>),
    { signal }: CallOptions = {},
  ): Promise<Span<Known>> {
    for (let attempt = 1; ; attempt += 1) {
      const latest = await this.latest({ signal });
      const { id, seq, curr_hash } = latest as Span;
      const next = typeof draft === 'function' ? draft(latest) : draft;
      try {
        return await this.#ledger.append<Known>(
          { ...next, id, seq: seq + 1, prev_hash: curr_hash },
          { signal },
        );
      } catch (error) {
        const wasOvertaken = error instanceof LogLineError && error.status === 409;
        if (!wasOvertaken || attempt >= MAX_VERSION_TRIES) throw error;
      }
    }
  }
}

function spanOf<Known extends Entity = object>(value: unknown): Span<Known> {
  if (typeof member(value, 'id') === 'string') return value as Span<Known>;
  throw answerError();
}

function answerError(): LogLineError {
  return new LogLineError('the ledger answered with something else than was asked for', {
    status: 0,
    type: 'answer',
  });
}

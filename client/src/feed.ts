import { LogLineError, member } from './error';
import type { Entity, Span, TimelineFilter, TimelineOptions } from './span';
import { pause, type Transport } from './transport';

/** A page of a listing. */
interface Page<Known extends Entity> {
  readonly spans: readonly Span<Known>[];
  readonly more: boolean;
  readonly cursor: string | undefined;
}

/** Options of following the feed. */
export type SubscribeOptions<Known extends Entity = object> = TimelineFilter<Known> & {
  /** `start` (default), `end` for spans from now on, or the cursor of the last processed span. */
  readonly from?: string;
  /** Ends the iteration with its reason. */
  readonly signal?: AbortSignal;
  /** Spans of a page, 1 to 1000 (default 500). */
  readonly limit?: number;
  /** Called when all spans so far have been delivered, with the cursor after them. */
  readonly onCaughtUp?: (cursor: string) => void;
};

/** A span of the feed with the cursor after it. Save the cursor once the span is processed, and resume from it. */
export interface Delivery<Known extends Entity = object> {
  readonly span: Span<Known>;
  readonly cursor: string;
}

/** The ledger's longest wait for an empty page. */
const WAIT_S = 20;
/** An answer faster than this did not wait. */
const HELD_MS = 1_000;
const FIRST_POLL_MS = 100;
const MAX_POLL_MS = 5_000;
const PAGE_SPANS = 500;
const MAX_PAGE_SPANS = 1_000;

/** All spans of a listing, page by page. */
export async function* timelineOf<Known extends Entity>(
  transport: Transport,
  { signal, ...query }: TimelineOptions<Known>,
): AsyncGenerator<Span<Known>, void, undefined> {
  let cursor: string | undefined;
  do {
    const page: Page<Known> = await readPage(transport, '/api/timeline', { ...query, cursor }, { signal });
    yield* page.spans;
    cursor = page.more ? page.cursor : undefined;
  } while (cursor !== undefined);
}

/** The versions of an entity, newest first. */
export async function* versionsOf<Known extends Entity>(
  transport: Transport,
  id: string,
  signal?: AbortSignal,
): AsyncGenerator<Span<Known>, void, undefined> {
  let cursor: string | undefined;
  do {
    const page: Page<Known> = await readPage(
      transport,
      `/api/spans/${encodeURIComponent(id)}`,
      { cursor },
      {
        signal,
        list: 'versions',
      },
    );
    yield* page.spans.toReversed();
    cursor = page.more ? page.cursor : undefined;
  } while (cursor !== undefined);
}

/** The feed from a position on; never ends by itself. */
export async function* feedOf<Known extends Entity>(
  transport: Transport,
  { from = 'start', ...options }: SubscribeOptions<Known>,
): AsyncGenerator<Delivery<Known>, never, undefined> {
  const [start = '', name] = from.split(MARK, 2);
  let last = name;
  // Part of the first page may have been delivered before; a page of the largest size contains the last delivered span.
  const firstLimit = last ? MAX_PAGE_SPANS : undefined;
  const pages = feedPagesOf<Known>(transport, { ...options, from: start }, firstLimit);
  for (;;) {
    const { spans, place, next } = (await pages.next()).value;
    const known = spans.findIndex((span) => nameOf(span) === last);
    last = undefined;
    for (const span of spans.slice(known + 1)) {
      yield { span, cursor: span === spans.at(-1) ? next : `${place}${MARK}${nameOf(span)}` };
      options.signal?.throwIfAborted();
    }
  }
}

/** A non-empty page of the feed, with the cursors before and after it. */
export interface FeedPage<Known extends Entity = object> {
  readonly spans: readonly Span<Known>[];
  readonly place: string;
  readonly next: string;
}

/**
 * {@link feedOf} page by page; the ledger's cursors are between pages.
 * @param firstLimit instead of the limit, for the first page
 */
export async function* feedPagesOf<Known extends Entity>(
  transport: Transport,
  { from = 'start', signal, limit = PAGE_SPANS, onCaughtUp, ...filter }: SubscribeOptions<Known>,
  firstLimit = limit,
): AsyncGenerator<FeedPage<Known>, never, undefined> {
  let place = from;
  let pollMs = FIRST_POLL_MS;
  // Later requests wait for spans; waiting earlier would delay onCaughtUp.
  let hasCaughtUp = false;
  for (let asksFor = firstLimit; ; asksFor = limit) {
    const asked = Date.now();
    const { spans, cursor, more }: Page<Known> = await readPage(
      transport,
      '/api/timeline',
      {
        ...filter,
        order: 'feed',
        limit: asksFor,
        ...(place === 'start' ? {} : place === 'end' ? { from: 'end' } : { cursor: place }),
      },
      { signal, waitS: hasCaughtUp ? WAIT_S : 0 },
    );
    const next = cursor ?? place;
    const isNew = spans.length > 0;
    if (isNew) yield { spans, place, next };
    place = next;
    if (more) continue;
    if (isNew || !hasCaughtUp) onCaughtUp?.(place);
    hasCaughtUp = true;
    pollMs = isNew ? FIRST_POLL_MS : Math.min(MAX_POLL_MS, pollMs * 2);
    if (Date.now() - asked < HELD_MS) await pause(pollMs / 2 + (Math.random() * pollMs) / 2, signal);
  }
}

/**
 * The ledger's cursors lie between pages. The cursor after a span within a page is the cursor before the page and the
 * span's name.
 */
const MARK = '#';

function nameOf(span: object): string {
  return `${member(span, 'id')}/${member(span, 'seq')}`;
}

interface PageOptions {
  readonly signal?: AbortSignal | undefined;
  readonly list?: 'spans' | 'versions';
  readonly waitS?: number;
}

async function readPage<Known extends Entity>(
  transport: Transport,
  path: string,
  query: Readonly<Record<string, unknown>>,
  { signal, list = 'spans', waitS = 0 }: PageOptions,
): Promise<Page<Known>> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) search.append(name, String(one));
  }
  const text = search.toString();
  const body = await transport.demand({
    path: text === '' ? path : `${path}?${text}`,
    signal,
    ...(waitS > 0 ? { headers: { prefer: `wait=${waitS}` }, heldMs: waitS * 1000 } : {}),
  });
  const spans = member(body, list);
  const cursor = member(body, 'next_cursor');
  if (!Array.isArray(spans))
    throw new LogLineError('the ledger answered with something else than a page', {
      status: 0,
      type: 'answer',
    });
  return {
    spans,
    more: member(body, 'has_more') === true,
    cursor: typeof cursor === 'string' ? cursor : undefined,
  };
}

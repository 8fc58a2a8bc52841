import type * as wire from './wire.generated';

type WithoutNull<T> = { readonly [Member in keyof T]: Exclude<T[Member], null> };

/** Types of members that a program knows more precisely: `{ entity_type: 'invoice'; metadata: { total: number } }`. */
export type Entity = { readonly [Member in keyof wire.Span]?: wire.SpanDraft[Member] };

/**
 * A span as the ledger returns it: complete, hashed and signed, without members that have no value. `Known` narrows the
 * types of spans that the program itself wrote; it is not checked at run time.
 */
export type Span<Known extends Entity = object> = WithoutNull<wire.Span> & Known;

/** A span to append. `id`, `at` and `seq` (0) are filled when they are left out; null means left out. */
export type SpanDraft<Known extends Entity = object> = wire.SpanDraft & Known;

/** A stored span; of a batch whose answer would be too large, only these three members. */
export type StoredSpan<Known extends Entity = object> = {
  readonly id: string;
  readonly seq: number;
  readonly curr_hash: string;
} & Partial<Span<Known>>;

type Choice<T> = T | readonly T[];
type Query = wire.TimelineQuery;
type Filters = Omit<Query, 'limit' | 'cursor' | 'order'>;

/** What to list. A list of values means any of them. */
export type TimelineFilter<Known extends Entity = object> = {
  readonly [Name in keyof Filters]?: Choice<
    Name extends keyof Known ? Extract<NonNullable<Known[Name]>, Filters[Name]> : NonNullable<Filters[Name]>
  >;
};

/** {@link TimelineFilter}, with an order by time; newest first when left out. */
export type TimelineOptions<Known extends Entity = object> = TimelineFilter<Known> & {
  readonly order?: 'desc' | 'asc';
  /** Spans of a page; defaults to 100. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
};

/** A draft that retries store only once. */
export type IdentifiedDraft = wire.SpanDraft & { readonly id: string; readonly at: string };

/** The draft with `id`, `at` and `seq`, so that it can be sent again safely. */
export function identified(draft: wire.SpanDraft): IdentifiedDraft {
  return { ...draft, id: draft.id ?? uuidV7(), at: draft.at ?? new Date().toISOString() };
}

/** A UUID of version 7 (RFC 9562 section 5.7): 48 bits of milliseconds, the rest random. */
export function uuidV7(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const time = Date.now().toString(16).padStart(12, '0');
  const variant = ((Number.parseInt(text.slice(16, 17), 16) & 3) | 8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${text.slice(13, 16)}-${variant}${text.slice(17, 20)}-${text.slice(20)}`;
}

import type * as wire from './wire.generated.js';
type WithoutNull<T> = {
    readonly [Member in keyof T]: Exclude<T[Member], null>;
};
/** Members of a span that a program knows more of, such as `{ entity_type: 'invoice'; metadata: { total: number } }`. */
export type Entity = {
    readonly [Member in keyof wire.Span]?: wire.SpanDraft[Member];
};
/**
 * A span as the ledger answers it: complete, hashed, signed; a member without a value is absent. `Known` narrows what
 * a program wrote itself; it is not checked while the program runs.
 */
export type Span<Known extends Entity = object> = WithoutNull<wire.Span> & Known;
/** A span to append. `id`, `at` and `seq` (0) are filled when they are left out; null means left out. */
export type SpanDraft<Known extends Entity = object> = wire.SpanDraft & Known;
/** A stored span; a large batch is answered with these three members alone. */
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
    readonly [Name in keyof Filters]?: Choice<Name extends keyof Known ? Extract<NonNullable<Known[Name]>, Filters[Name]> : NonNullable<Filters[Name]>>;
};
/** {@link TimelineFilter}, with an order by time; newest first when left out. */
export type TimelineOptions<Known extends Entity = object> = TimelineFilter<Known> & {
    readonly order?: 'desc' | 'asc';
    /** Spans of a page; defaults to 100. */
    readonly limit?: number;
    readonly signal?: AbortSignal;
};
/** A draft that can be sent any number of times and is stored once. */
export type IdentifiedDraft = wire.SpanDraft & {
    readonly id: string;
    readonly at: string;
};
/** The draft with what makes sending it again harmless. */
export declare function identified(draft: wire.SpanDraft): IdentifiedDraft;
/** RFC 9562 section 5.7: 48 bits of milliseconds, the rest random. */
export declare function uuidV7(): string;
export {};

import type { Entity, Span, TimelineFilter, TimelineOptions } from './span.js';
import { type Transport } from './transport.js';
/** Where to begin with, and how to end, following the feed. */
export type SubscribeOptions<Known extends Entity = object> = TimelineFilter<Known> & {
    /** `start` (default), `end` for what comes from now on, or the cursor of the last span that was dealt with. */
    readonly from?: string;
    /** Ends the iteration with its reason. */
    readonly signal?: AbortSignal;
    /** Spans of a page, 1 to 1000 (default 500). */
    readonly limit?: number;
    /** Called when everything there was has been delivered, with the cursor to go on from. */
    readonly onCaughtUp?: (cursor: string) => void;
};
/** A span of the feed, and the cursor behind it: keep it once the span is dealt with, and go on from it. */
export interface Delivery<Known extends Entity = object> {
    readonly span: Span<Known>;
    readonly cursor: string;
}
/** All spans of a listing, page by page. */
export declare function timelineOf<Known extends Entity>(transport: Transport, { signal, ...query }: TimelineOptions<Known>): AsyncGenerator<Span<Known>, void, undefined>;
/** The versions of an entity, newest first. */
export declare function versionsOf<Known extends Entity>(transport: Transport, id: string, signal?: AbortSignal): AsyncGenerator<Span<Known>, void, undefined>;
/** The feed from some place on, for ever. */
export declare function feedOf<Known extends Entity>(transport: Transport, { from, signal, limit, onCaughtUp, ...filter }: SubscribeOptions<Known>): AsyncGenerator<Delivery<Known>, never, undefined>;

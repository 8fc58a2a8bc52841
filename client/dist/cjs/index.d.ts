/** Append, follow and run on a LogLine ledger. Web APIs only; no dependencies. */
export { type Fault, LogLineError, type Refusal, SpansRefusedError } from './error.js';
export type { Delivery, SubscribeOptions } from './feed.js';
export { type AppendedAll, type EntityHandle, type Executed, LogLine, type LogLineOptions, type Me, type Signer, type UnsealedSpan, } from './logline.js';
export type { QueuedSpan, QueueOptions, QueueStore, SpanQueue } from './queue.js';
export { type Entity, type Span, type SpanDraft, type StoredSpan, type TimelineFilter, type TimelineOptions, uuidV7, } from './span.js';
export type { RetryOptions, TokenSource } from './transport.js';

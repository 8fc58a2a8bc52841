/** Append, follow and run on a LogLine ledger. Web APIs only; no dependencies. */

export { type Fault, LogLineError, type Refusal, SpansRefusedError } from './error';
export type { Delivery, SubscribeOptions } from './feed';
export {
  type AppendedAll,
  type EntityHandle,
  type Executed,
  LogLine,
  type LogLineOptions,
  type Me,
  type Signer,
  type UnsealedSpan,
} from './logline';
export type { QueuedSpan, QueueOptions, QueueStore, SpanQueue } from './queue';
export {
  type Entity,
  type Span,
  type SpanDraft,
  type StoredSpan,
  type TimelineFilter,
  type TimelineOptions,
  uuidV7,
} from './span';
export type { TokenSource } from './token-source';
export type { RetryOptions } from './transport';

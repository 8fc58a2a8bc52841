/** LogLine as a library: what a program that shares the ledger's process works with. */

export { sql } from 'kysely';
export { cryptoReady, hex, signingKeyFromHex, toU8 } from './crypto';
export type { DatabaseOptions } from './db/database-options';
export type { Identity } from './db/identity';
export { Database } from './db/pool';
export { type Transaction, type TransactionOptions, withPg } from './db/with-pg';
export { insertSpan } from './ledger/insert-span';
export { now } from './ledger/now';
export type { JsonValue, SignedSpan, Span } from './ledger/span';
export type { SpanDraft } from './ledger/span-draft';
export { hashSpan, signSpan, verifySpan } from './ledger/span-signature';
export { SpanWriter } from './ledger/span-writer';

/** LogLine as a library: what a program that shares the ledger's process works with. */

export { sql } from 'kysely';
export type { Identity } from './base/identity';
export type { JsonValue, SignedSpan, Span } from './base/span';
export { cryptoReady, hex, signingKeyFromHex, toU8 } from './crypto';
export type { DatabaseOptions } from './db/database-options';
export { Database } from './db/pool';
export type { TransactionOptions } from './db/transaction';
export { type Transaction, withPg } from './db/with-pg';
export { insertSpan } from './ledger/insert-span';
export { now } from './ledger/now';
export type { SpanDraft } from './ledger/span-draft';
export { hashSpan, signSpan, verifySpan } from './ledger/span-signature';
export { SpanWriter } from './ledger/span-writer';

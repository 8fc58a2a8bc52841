import { Kysely, PostgresDialect } from 'kysely';
import type { PoolClient } from 'pg';
import type { Identity } from '../base/identity';
import type { DB } from './database.generated';
import type { Database } from './pool';
import { inTransaction, type OpenTransaction, type TransactionOptions } from './transaction';

/** One open transaction under one identity, with a query builder. */
export interface Transaction extends OpenTransaction {
  /** Typed queries, bound to this transaction. */
  readonly db: Kysely<DB>;
}

/**
 * `inTransaction` with Kysely at hand. A file of its own, because Kysely is the largest module of all and Stage-0's
 * layer carries none of it.
 * @throws LogLineError; what `work` throws of its own passes through.
 */
export function withPg<T>(
  database: Database,
  identity: Identity,
  work: (transaction: Transaction) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  return inTransaction(database, identity, ({ client }) => work({ client, db: kyselyOn(client) }), options);
}

/** Kysely over a connection that stays ours: it neither opens nor releases anything. */
function kyselyOn(client: PoolClient): Kysely<DB> {
  const borrowed = { query: client.query.bind(client), release: () => undefined };
  const pool = { connect: async () => borrowed, end: async () => undefined };
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool: pool as never }) });
}

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
 * `inTransaction` with Kysely. In a file of its own, so that Stage-0's layer does not contain Kysely, a large module.
 * @throws LogLineError for failures of the database; other errors of `work` unchanged
 */
export function withPg<T>(
  database: Database,
  identity: Identity,
  work: (transaction: Transaction) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  return inTransaction(database, identity, ({ client }) => work({ client, db: kyselyOn(client) }), options);
}

/** Kysely on an open connection, which it neither opens nor releases. */
function kyselyOn(client: PoolClient): Kysely<DB> {
  const borrowed = { query: client.query.bind(client), release: () => undefined };
  const pool = { connect: async () => borrowed, end: async () => undefined };
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool: pool as never }) });
}

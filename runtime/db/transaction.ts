import { escapeLiteral, type PoolClient } from 'pg';
import { checkIdentity, type Identity } from '../base/identity';
import { asLogLineError, isConnectionLost } from './database-error';
import { holdWrites } from './pg-internals';
import type { Database } from './pool';

/** One open transaction under one identity. */
export interface OpenTransaction {
  readonly client: PoolClient;
}

/** Modes of a transaction. */
export interface TransactionOptions {
  /** The transaction cannot write, and its COMMIT is not awaited. Defaults to false. */
  readonly readOnly?: boolean;
  /** All statements see one snapshot (REPEATABLE READ). Defaults to false. */
  readonly snapshot?: boolean;
  /** Overrides the pool's statement timeout for this transaction. */
  readonly statementTimeoutMs?: number;
}

/**
 * Runs `work` in a transaction with `app.user_id` and `app.tenant_id` set for it alone, so that a pooled connection
 * never carries an identity over. Commits when `work` resolves, rolls back when it throws.
 *
 * BEGIN and the identity are sent together with the first statement of `work`, in one round trip. For a single
 * statement `queryAs` is cheaper; `withPg` adds a query builder.
 * @throws LogLineError for failures of the database; other errors of `work` unchanged
 */
export async function inTransaction<T>(
  database: Database,
  identity: Identity,
  work: (transaction: OpenTransaction) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const begin = beginStatement(checkIdentity(identity), options);
  const client = await database.connect().catch((error) => {
    throw asLogLineError(error);
  });
  try {
    holdWrites(client);
    const opened = client.query(begin);
    // Awaited below; until then a rejection must not count as unhandled.
    opened.catch(() => undefined);
    const result = await work({ client });
    await opened;
    await finish(client, options.readOnly ?? false);
    return result;
  } catch (error) {
    await abandon(client, error);
    throw asLogLineError(error);
  }
}

function beginStatement(identity: Identity, options: TransactionOptions): string {
  const { user, tenant } = identity;
  const mode = `${options.snapshot ? ' ISOLATION LEVEL REPEATABLE READ' : ''}${options.readOnly ? ' READ ONLY' : ''}`;
  const timeout =
    options.statementTimeoutMs === undefined
      ? ''
      : `SET LOCAL statement_timeout = ${Math.trunc(options.statementTimeoutMs)};`;
  return (
    `BEGIN${mode};${timeout}` +
    `SELECT set_config('app.user_id', ${escapeLiteral(user)}, true), ` +
    `set_config('app.tenant_id', ${escapeLiteral(tenant)}, true)`
  );
}

async function finish(client: PoolClient, readOnly: boolean): Promise<void> {
  const commit = client.query('COMMIT');
  if (!readOnly) {
    await commit;
    client.release();
    return;
  }
  // A transaction that wrote nothing need not be awaited.
  commit.then(
    () => client.release(),
    (error) => client.release(error),
  );
}

/** Rolls back and releases the connection, or closes it when that fails. */
async function abandon(client: PoolClient, error: unknown): Promise<void> {
  if (isConnectionLost(error)) {
    client.release(true);
    return;
  }
  await client.query('ROLLBACK').then(
    () => client.release(),
    () => client.release(true),
  );
}

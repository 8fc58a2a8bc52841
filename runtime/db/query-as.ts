import type { QueryResult, QueryResultRow } from 'pg';
import { checkIdentity, type Identity } from '../base/identity';
import { asLogLineError, isConnectionLost } from './database-error';
import { type Access, PREPARED } from './identity-statements';
import { QueryWithIdentity } from './pg-internals';
import type { Database } from './pool';
import type { StatementName, StatementRow, StatementValues } from './statements';
import { STATEMENT_TEXTS } from './statements.generated';

/** One statement with bound values. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Prepares the statement on the connection under this name; the same name must always have the same text. */
  readonly name?: string;
}

/**
 * Runs one statement as a transaction of its own, with `app.user_id` and `app.tenant_id` set for it alone. For several
 * statements use `withPg`.
 *
 * Identity and statement are sent with a single Sync, which makes them one implicit transaction (PostgreSQL manual,
 * "Message Flow", 53.2.3 and 53.2.4): less than half the time of BEGIN, identity, statement and COMMIT as queries.
 * @param access defaults to `write`
 * @throws LogLineError
 */
export async function queryAs<Row extends QueryResultRow>(
  database: Database,
  identity: Identity,
  statement: Statement,
  access: Access = 'write',
): Promise<QueryResult<Row>> {
  const { user, tenant } = checkIdentity(identity);
  const client = await database.connect().catch((error) => {
    throw asLogLineError(error);
  });
  try {
    const result = await new Promise<QueryResult<Row>>((resolve, reject) => {
      client.query(
        new QueryWithIdentity<Row>(statement, PREPARED[access].name, [user, tenant], (error, found) => {
          if (error) reject(error);
          else resolve(found);
        }),
      );
    });
    client.release();
    return result;
  } catch (error) {
    client.release(isConnectionLost(error));
    throw asLogLineError(error);
  }
}

/** Runs one of the statements of statements.ts, as {@link queryAs} does. @param access defaults to `read` */
export async function runStatement<Name extends StatementName>(
  database: Database,
  identity: Identity,
  name: Name,
  values: StatementValues<Name>,
  access: Access = 'read',
): Promise<StatementRow<Name>[]> {
  const statement = { name, text: STATEMENT_TEXTS[name], values };
  const { rows } = await queryAs<QueryResultRow>(database, identity, statement, access);
  // Text and type come from the same statement; npm run check compares them.
  return rows as StatementRow<Name>[];
}

import { type Connection, Query, type QueryConfig, type QueryResult, type QueryResultRow } from 'pg';
import { checkIdentity, type Identity } from '../base/identity';
import { asLogLineError, isConnectionLost } from './database-error';
import type { Database } from './pool';
import type { StatementName, StatementRow, StatementValues } from './statements';
import { STATEMENT_TEXTS } from './statements.generated';

/** One statement, its values always bound. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Keeps the statement's plan on the connection under this name; the text of one name never changes. */
  readonly name?: string;
}

/**
 * What the statement does. `write`: anything. `read`: it cannot write. `read in order`: nor can it, and an index gives
 * its order: see {@link ORDERED_PLAN}. `probe`: nor can it, and it is given up after 3 s.
 */
export type Access = 'write' | 'read' | 'read in order' | 'probe';

/**
 * Settings for statements whose order an index gives and whose plan is kept. Such a plan knows no values and would
 * expect an average audience, a few dozen rows, and rather sort them than walk an index: half a million for a big
 * tenant.
 */
export const ORDERED_PLAN = { enable_sort: 'off', plan_cache_mode: 'force_generic_plan' } as const;

/** What goes before a statement, prepared once on each connection. */
const PREPARED: Readonly<Record<Access, { readonly name: string; readonly text: string }>> = {
  write: { name: 'set_writer', text: settingStatement({}) },
  read: { name: 'set_reader', text: settingStatement({ transaction_read_only: 'on' }) },
  'read in order': {
    name: 'set_ordered_reader',
    text: settingStatement({ transaction_read_only: 'on', ...ORDERED_PLAN }),
  },
  probe: {
    name: 'set_probe',
    text: settingStatement({ transaction_read_only: 'on', statement_timeout: '3000' }),
  },
};

function settingStatement(settings: Readonly<Record<string, string>>): string {
  const fixed = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', true), `);
  return `SELECT ${fixed.join('')}set_config('app.user_id', $1, true), set_config('app.tenant_id', $2, true)`;
}

/**
 * Runs one statement as a transaction of its own with `app.user_id` and `app.tenant_id` set for it alone: the short
 * way beside `withPg`.
 *
 * Identity and statement travel as one message up to one Sync, which PostgreSQL takes as one transaction (its manual,
 * "Message Flow", 53.2.3 and 53.2.4). Against BEGIN, identity, statement and COMMIT as queries of their own, reading
 * one row takes this process 86 µs instead of 198, PostgreSQL 144 instead of 254, and 0.24 ms instead of 0.61;
 * all four in one packet took 137, 187 and 0.35.
 * @param access Defaults to `write`.
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
        new QueryBehindIdentity<Row>(statement, PREPARED[access].name, [user, tenant], (error, found) => {
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

/** Runs one of the statements of statements.ts; see {@link queryAs}. */
export async function runStatement<Name extends StatementName>(
  database: Database,
  identity: Identity,
  name: Name,
  values: StatementValues<Name>,
  access: Access = 'read',
): Promise<StatementRow<Name>[]> {
  const statement = { name, text: STATEMENT_TEXTS[name], values };
  const { rows } = await queryAs<QueryResultRow>(database, identity, statement, access);
  // The text was compiled from the very statement that the type was taken from; npm run check compares them.
  return rows as StatementRow<Name>[];
}

/**
 * Prepares a fresh connection for {@link queryAs}. Its first statement may be sent right behind: the server takes
 * them in order.
 */
export function prepareIdentity(client: { query(config: QueryConfig): Promise<unknown> }): void {
  for (const statement of Object.values(PREPARED)) {
    // A connection that fails here fails its next statement, too, and tells its caller then.
    client.query({ ...statement, values: ['', ''] }).catch(() => undefined);
  }
}

/** Of pg's Query, what a subclass needs to know (pg/lib/query.js) and @types/pg leaves out. */
interface WireQuery {
  submit(connection: Connection): Error | null;
  handleDataRow(message: object): void;
  handleCommandComplete(message: object, connection: Connection): void;
}
type Answered<Row extends QueryResultRow> = (error: Error | null, result: QueryResult<Row>) => void;
const WireQuery = Query as unknown as new (
  config: QueryConfig & { readonly queryMode: 'extended' },
  values: undefined,
  callback: Answered<never>,
) => WireQuery;

/** A query that is sent behind a prepared statement, whose answer it leaves out, within one transaction. */
class QueryBehindIdentity<Row extends QueryResultRow> extends WireQuery {
  readonly #before: { readonly statement: string; readonly values: string[] };
  #isBehind = false;

  constructor(statement: Statement, before: string, values: string[], callback: Answered<Row>) {
    super({ ...statement, values: [...statement.values], queryMode: 'extended' }, undefined, callback);
    this.#before = { statement: before, values };
  }

  override submit(connection: Connection): Error | null {
    connection.stream.cork();
    try {
      connection.bind(this.#before, true);
      connection.execute({}, true);
      const refused = super.submit(connection);
      // The identity is on its way without a statement behind it, and the next query would get its answer.
      if (refused !== null) connection.stream.destroy(refused);
      return refused;
    } finally {
      connection.stream.uncork();
    }
  }

  override handleDataRow(message: object): void {
    if (this.#isBehind) super.handleDataRow(message);
  }

  override handleCommandComplete(message: object, connection: Connection): void {
    if (this.#isBehind) super.handleCommandComplete(message, connection);
    else this.#isBehind = true;
  }
}

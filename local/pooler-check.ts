import { randomUUID } from 'node:crypto';
import { Client, DatabaseError } from 'pg';
import { withoutCrash } from '../runtime/db/admin-client';
import type { DatabaseOptions } from '../runtime/db/database-options';
import { clientConfig } from '../runtime/db/pool';

/** PostgreSQL: a statement of this name is there already, or is not there. */
const STATEMENT_NAME_TROUBLE: ReadonlySet<string> = new Set(['42P05', '26000']);
/** A pooler may give the right connection by chance. */
const ROUNDS = 3;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * What keeps the ledger from working through a pooler in front of the database, in one line; undefined when nothing
 * does, be there a pooler or none. Identity lasts for a transaction and statements are prepared once on a connection,
 * so a pooler has to keep both apart (PgBouncer's manual: pool_mode, max_prepared_statements).
 * @throws what pg throws when the database cannot be reached
 */
export async function poolerFault(options: DatabaseOptions): Promise<string | undefined> {
  const [first, second] = [openClient(options), openClient(options)];
  try {
    await first.connect();
    await second.connect();
    if (await refusesTransactions(first))
      return 'it pools statements: set pool_mode = transaction, or session';
    if (await losesStatements(first, second))
      return 'it keeps no prepared statements: set max_prepared_statements = 200 (PgBouncer 1.21 or later)';
    return undefined;
  } catch (error) {
    if (error instanceof DatabaseError && /startup parameter/.test(error.message))
      return `it refuses settings (${error.message}): PgBouncer 1.21 or later is needed`;
    throw error;
  } finally {
    await Promise.all([first, second].map((client) => client.end().catch(() => undefined)));
  }
}

function openClient(options: DatabaseOptions): Client {
  return withoutCrash(
    new Client({ ...clientConfig(options), pipeline: false, connectionTimeoutMillis: CONNECT_TIMEOUT_MS }),
  );
}

async function refusesTransactions(client: Client): Promise<boolean> {
  try {
    await client.query('BEGIN');
    await client.query('SELECT 1');
    await client.query('COMMIT');
    return false;
  } catch (error) {
    if (error instanceof DatabaseError && /statement pooling/.test(error.message)) return true;
    throw error;
  }
}

/** Two clients with a statement of the same name each: whoever mixes up their connections has one too many or none. */
async function losesStatements(first: Client, second: Client): Promise<boolean> {
  const name = `logline_start_${randomUUID()}`;
  const read = async (client: Client, value: number): Promise<boolean> => {
    const text = `SELECT ${value} AS value, $1::int AS given`;
    const { rows } = await client.query<{ value: number }>({ name, text, values: [value] });
    return rows[0]?.value === value;
  };
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      if (!(await read(first, 1)) || !(await read(second, 2))) return true;
    }
    return false;
  } catch (error) {
    if (error instanceof DatabaseError && STATEMENT_NAME_TROUBLE.has(error.code ?? '')) return true;
    throw error;
  }
}

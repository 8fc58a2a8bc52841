import { randomUUID } from 'node:crypto';
import { Client, DatabaseError } from 'pg';
import { withoutCrash } from '../runtime/db/admin-client';
import type { DatabaseOptions } from '../runtime/db/database-options';
import { clientConfig } from '../runtime/db/pool';

/** SQLSTATEs: prepared statement exists already, or does not exist. */
const STATEMENT_NAME_TROUBLE: ReadonlySet<string> = new Set(['42P05', '26000']);
/** Repetitions, because a pooler may assign the right connection by chance. */
const ROUNDS = 3;
const CONNECT_TIMEOUT_MS = 10_000;

/** Time limits of a connection, from the environment. */
export type TimeLimits = Pick<DatabaseOptions, 'statementTimeoutMs' | 'lockTimeoutMs'>;

/**
 * Why the ledger cannot work through the pooler in front of the database, in one line; undefined when it can, or without a
 * pooler. Identity lasts for a transaction and statements are prepared once a connection, so a pooler must support both
 * (PgBouncer's manual: pool_mode, max_prepared_statements).
 * @param limits requested besides those set on the roles
 * @throws pg's error when the database cannot be reached
 */
export async function poolerFault(
  options: DatabaseOptions,
  limits: TimeLimits = {},
): Promise<string | undefined> {
  const [first, second] = [openClient(options), openClient(options)];
  try {
    await first.connect();
    await second.connect();
    if (await refusesTransactions(first))
      return 'it pools statements: set pool_mode = transaction, or session';
    if (await losesStatements(first, second))
      return 'it keeps no prepared statements: set max_prepared_statements = 200 (PgBouncer 1.21 or later)';
    return (await losesLimits(options, limits))
      ? 'it does not pass on LOGLINE_STATEMENT_TIMEOUT_MS and LOGLINE_LOCK_TIMEOUT_MS: leave them unset, the limits stand on the roles'
      : undefined;
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

/** Whether requested limits are refused, or silently ignored (ignore_startup_parameters). */
async function losesLimits(options: DatabaseOptions, limits: TimeLimits): Promise<boolean> {
  const asked = [
    ['statement_timeout', limits.statementTimeoutMs],
    ['lock_timeout', limits.lockTimeoutMs],
  ] as const;
  if (asked.every(([, ms]) => ms === undefined)) return false;
  const client = openClient({ ...options, ...limits });
  try {
    await client.connect();
    for (const [name, ms] of asked) {
      const { rows } = await client.query<{ setting: string }>(
        'SELECT setting FROM pg_settings WHERE name = $1',
        [name],
      );
      if (ms !== undefined && Number(rows[0]?.setting) !== ms) return true;
    }
    return false;
  } catch (error) {
    if (error instanceof DatabaseError && /startup parameter/.test(error.message)) return true;
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Two clients prepare a statement of the same name: a pooler that mixes up connections then has it twice or not at all. */
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

import { DatabaseError } from 'pg';
import { type DataDirectory, dataDirectory } from '../local/data-directory';
import { devSettings } from '../local/dev-settings';
import { type LocalKeys, requireKeys } from '../local/keys';
import { OperatorError, oneLine, systemErrorCode } from '../local/operator-error';
import { cryptoReady } from '../runtime/crypto';
import { Database } from '../runtime/db/pool';
import { localDatabaseUrl } from './open-database';

/** Keys and database connections of the local ledger, for commands that work beside it. */
export interface LocalLedger {
  readonly data: DataDirectory;
  readonly keys: LocalKeys;
  readonly database: Database;
  /** Connection as `logline_auditor`, who sees all tenants' rows; opened on first use. */
  readonly auditor: Database;
}

const INVALID_PASSWORD = '28P01';
const CONNECT_TIMEOUT_MS = 5_000;
const POOL_SIZE = 2;

/**
 * Runs `work` on the local ledger, or on that of DATABASE_URL.
 * @throws OperatorError when there are no keys, no local run, or the database does not answer
 */
export async function withLocalLedger<T>(work: (ledger: LocalLedger) => Promise<T>): Promise<T> {
  const data = dataDirectory();
  const keys = await requireKeys(data);
  const connectionString = await localDatabaseUrl('app');
  await cryptoReady();
  const open = (url: string): Database =>
    new Database({
      ...devSettings().runtime.database,
      connectionString: url,
      poolSize: POOL_SIZE,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      applicationName: 'logline cli',
    });
  const database = open(connectionString);
  const auditor = open(await localDatabaseUrl('auditor'));
  try {
    await greet(database, connectionString);
    return await work({ data, keys, database, auditor });
  } finally {
    await Promise.all([database.close(), auditor.close()]);
  }
}

/** Connects once, so that a failure gets a clear message first. */
async function greet(database: Database, url: string): Promise<void> {
  let isMigrated: boolean;
  try {
    const { rows } = await database.pool.query<{ found: string | null }>(
      "SELECT to_regclass('ledger.universal_registry')::text AS found",
    );
    isMigrated = rows[0]?.found != null;
  } catch (cause) {
    throw unreachable(url, cause);
  }
  if (!isMigrated) {
    throw new OperatorError(`${placeOf(url)} holds no ledger yet; run: npx logline migrate`);
  }
}

/** The error for a database that cannot be connected to; it never contains the URL's password. */
export function unreachable(url: string, cause: unknown): OperatorError {
  const code = systemErrorCode(cause);
  if (code === INVALID_PASSWORD) {
    return new OperatorError(
      `${placeOf(url)} refuses the password; does it belong to the keys.json of this LOGLINE_DATA?`,
      { cause },
    );
  }
  if (cause instanceof DatabaseError && !/^(08|53|57)/.test(cause.code ?? '')) {
    return new OperatorError(`${placeOf(url)} refuses: ${oneLine(cause)}`, { cause });
  }
  const first = cause instanceof AggregateError ? cause.errors[0] : cause;
  return new OperatorError(
    `${placeOf(url)} does not answer (${systemErrorCode(first) ?? oneLine(first)}); is it running?`,
    { cause },
  );
}

function placeOf(url: string): string {
  if (!URL.canParse(url)) return 'the database';
  const { hostname, port, pathname } = new URL(url);
  return `the database at ${hostname}:${port || 5432}${pathname}`;
}

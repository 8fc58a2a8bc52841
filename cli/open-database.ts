import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dataDirectory } from '../local/data-directory';
import { devSettings } from '../local/dev-settings';
import { requireKeys } from '../local/keys';
import { databaseUrl, LEDGER_DATABASE, OWNER_ROLE } from '../local/ledger-database';
import { OperatorError, systemErrorCode } from '../local/operator-error';
import { currentRun } from '../local/run-lock';
import { asRole } from '../runtime/db/database-options';
import { type RoleKey, roleName } from '../runtime/db/roles';

/** Options of `logline connect`. */
export interface ConnectOptions {
  readonly print?: boolean;
  readonly admin?: boolean;
}

/** Opens psql on the local run's database, or prints its URL. */
export async function connect(options: ConnectOptions): Promise<void> {
  const url = await localDatabaseUrl(options.admin ? 'owner' : 'app');
  if (options.print) {
    process.stdout.write(`${url}\n`);
    return;
  }
  process.exitCode = await openPsql(url);
}

/**
 * @param as a role of LogLine, or the owner of the schema
 * @throws OperatorError when no local run is up
 */
export async function localDatabaseUrl(as: RoleKey | 'owner'): Promise<string> {
  const data = dataDirectory();
  const keys = await requireKeys(data);
  const role = as === 'owner' ? OWNER_ROLE : roleName(as, devSettings().rolePrefix);
  const own = ownDatabaseUrl();
  if (own !== undefined) {
    if (as === 'owner') return own;
    return asRole({ connectionString: own }, role, keys.passwords[as]).connectionString ?? own;
  }
  const run = await currentRun(data);
  if (run === undefined) {
    throw new OperatorError(`no LogLine runs on ${data.path}; start it with npm start`);
  }
  if (run.postgresPort === undefined) {
    throw new OperatorError('the local run uses a server of your own; set DATABASE_URL as for npm start');
  }
  return databaseUrl(run.postgresPort, role, keys.passwords[as], LEDGER_DATABASE);
}

/**
 * DATABASE_URL, the user's own server; undefined when it is not set.
 * @throws OperatorError (exit code 2) when it is no PostgreSQL URL
 */
export function ownDatabaseUrl(): string | undefined {
  const own = process.env.DATABASE_URL;
  if (!own) return undefined;
  if (URL.canParse(own) && /^postgres(ql)?:$/.test(new URL(own).protocol)) return own;
  throw new OperatorError(
    'DATABASE_URL is not usable; it should look like postgres://owner:password@host:5432/database',
    { exitCode: 2 },
  );
}

/** The password goes through the environment, since every user of the machine can read arguments. */
function openPsql(url: string): Promise<number> {
  const { password, ...parts } = splitPassword(url);
  return new Promise((resolve, reject) => {
    const psql = spawn('psql', [parts.url], {
      stdio: 'inherit',
      env: { ...process.env, PGPASSWORD: password },
    });
    // psql handles Ctrl-C by cancelling a query, so we ignore it.
    const ignore = (): void => undefined;
    process.on('SIGINT', ignore);
    psql.once('error', (cause) => {
      const isMissing = systemErrorCode(cause) === 'ENOENT';
      reject(
        isMissing
          ? new OperatorError(
              'psql is not installed; install the PostgreSQL client, or use the URL that --print gives',
            )
          : cause,
      );
    });
    psql.once('exit', (code, signal) => {
      process.off('SIGINT', ignore);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

function splitPassword(url: string): { url: string; password: string } {
  const parsed = new URL(url);
  const password = decodeURIComponent(parsed.password);
  parsed.password = '';
  return { url: parsed.href, password };
}

import { dataDirectory } from '../local/data-directory';
import { devSettings } from '../local/dev-settings';
import { loadKeys } from '../local/keys';
import { checkLedgerKeys } from '../local/ledger-keys';
import { ConfigurationError } from '../runtime/base/errors';
import { asLogLineError } from '../runtime/db/database-error';
import { type MigrationStatus, migrate, migrationStatus } from '../runtime/db/migrate';
import { unreachable } from './local-ledger';
import { localDatabaseUrl, ownDatabaseUrl } from './open-database';
import { table } from './table';

/** Options of `logline migrate`. */
export interface MigrateCommandOptions {
  readonly status?: boolean;
  readonly json?: boolean;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** Applies pending migrations to the local database, or lists all with their state. */
export async function runMigrate({ status, json }: MigrateCommandOptions): Promise<void> {
  const url = ownDatabaseUrl() ?? (await localDatabaseUrl('owner'));
  const { runtime, rolePrefix } = devSettings();
  const admin = {
    ...runtime.database,
    connectionString: url,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  };
  try {
    if (status) {
      showStatus(await migrationStatus(admin), json === true);
      return;
    }
    // Without keys.json the roles' passwords stay as they are, since another machine may use them.
    const keys = await loadKeys(dataDirectory());
    if (keys !== undefined) await checkLedgerKeys(admin, keys.ring);
    const passwords = keys?.passwords;
    const applied = await migrate({
      admin,
      rolePrefix,
      ...(passwords === undefined ? {} : { passwords }),
    });
    if (json) process.stdout.write(`${JSON.stringify({ applied })}\n`);
    else {
      const lines = applied.map((name) => `applied ${name}`);
      process.stdout.write(`${lines.length === 0 ? 'every migration is applied' : lines.join('\n')}\n`);
    }
  } catch (cause) {
    if (cause instanceof ConfigurationError) throw cause;
    // An error of pg itself, while connecting.
    if (cause instanceof Error && asLogLineError(cause) !== cause) throw unreachable(url, cause);
    throw cause;
  }
}

/** Prints the migrations; exit code 1 when one is pending or was edited. */
function showStatus(migrations: readonly MigrationStatus[], json: boolean): void {
  const isUpToDate = migrations.every(({ applied, edited }) => applied && !edited);
  if (!isUpToDate) process.exitCode = 1;
  if (json) {
    process.stdout.write(`${JSON.stringify({ up_to_date: isUpToDate, migrations })}\n`);
    return;
  }
  const rows = migrations.map((one) => [one.name, stateOf(one)]);
  process.stdout.write(`${table(['migration', 'state'], rows).join('\n')}\n`);
}

function stateOf({ applied, edited }: MigrationStatus): string {
  if (edited) return 'edited after it was applied';
  return applied ? 'applied' : 'pending';
}

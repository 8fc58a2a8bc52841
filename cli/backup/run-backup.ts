import { access } from 'node:fs/promises';
import path from 'node:path';
import { type DataDirectory, dataDirectory } from '../../local/data-directory';
import { devSettings } from '../../local/dev-settings';
import { type LocalKeys, requireKeys } from '../../local/keys';
import { databaseUrl, LEDGER_DATABASE } from '../../local/ledger-database';
import { openLocalDatabase } from '../../local/local-database';
import { OperatorError } from '../../local/operator-error';
import { currentRun, takeRunLock } from '../../local/run-lock';
import { cryptoReady } from '../../runtime/crypto';
import { asRole, type DatabaseOptions } from '../../runtime/db/database-options';
import { roleName } from '../../runtime/db/roles';
import { ownDatabaseUrl } from '../open-database';
import { progressLine } from '../progress-line';
import { readKeyFiles } from './key-files';
import { lockKeys } from './locked-keys';
import { backupPassphrase } from './passphrase';
import { type WrittenBackup, writeBackup } from './write-backup';
import { type WrittenBaseBackup, writeBaseBackup } from './write-base-backup';

/** Options of `logline backup`. */
export interface BackupOptions {
  readonly out: string;
  /** Copy the server's data folder instead of rows. */
  readonly base?: boolean;
  readonly withKeys?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Backs up the ledger of LOGLINE_DATA or DATABASE_URL, whether it runs or not. */
export async function runBackup(options: BackupOptions): Promise<void> {
  await cryptoReady();
  const out = path.resolve(options.out);
  if (!options.force && (await exists(out))) {
    throw new OperatorError(`${out} is there already; choose another name, or replace it with --force`);
  }
  const data = dataDirectory();
  const keys = await requireKeys(data);
  const locked = options.withKeys
    ? await lockKeys(await readKeyFiles(data), await backupPassphrase(true))
    : undefined;
  const progress = progressLine();
  const written = await withLedger<WrittenBackup | WrittenBaseBackup>(
    data,
    keys,
    ({ backup, replication, isEmbedded }) => {
      const common = {
        database: backup,
        path: out,
        replace: options.force === true,
        publicKeyHex: keys.ring.current.publicKeyHex,
        keys: locked,
        onProgress: (text: string) => progress.show(text),
      };
      return options.base ? writeBaseBackup({ ...common, replication, isEmbedded }) : writeBackup(common);
    },
  ).finally(() => progress.clear());
  report(out, written, options);
  if (written.faults.length > 0) process.exitCode = 1;
}

interface Ledger {
  /** Connection as role `logline_backup`. */
  readonly backup: DatabaseOptions;
  /** Connection as a role with REPLICATION. */
  readonly replication: DatabaseOptions;
  readonly isEmbedded: boolean;
}

/** Runs `work` on the ledger, and starts the embedded server for it when none runs. */
async function withLedger<T>(
  data: DataDirectory,
  keys: LocalKeys,
  work: (ledger: Ledger) => Promise<T>,
): Promise<T> {
  const { runtime, rolePrefix } = devSettings();
  const role = roleName('backup', rolePrefix);
  const own = ownDatabaseUrl();
  if (own !== undefined) {
    const replication = { ...runtime.database, connectionString: own };
    const backup = asRole(replication, role, keys.passwords.backup);
    return work({ backup, replication, isEmbedded: false });
  }
  const embedded = (port: number): Ledger => ({
    backup: { connectionString: databaseUrl(port, role, keys.passwords.backup, LEDGER_DATABASE) },
    replication: {
      connectionString: databaseUrl(port, 'postgres', keys.passwords.superuser, LEDGER_DATABASE),
    },
    isEmbedded: true,
  });
  const run = await currentRun(data);
  if (run?.postgresPort !== undefined) return work(embedded(run.postgresPort));
  const lock = await takeRunLock(data);
  try {
    const database = await openLocalDatabase({
      data,
      keys,
      url: undefined,
      rolePrefix,
      onProgress: () => undefined,
      onTrouble: (message) => void process.stderr.write(`logline: ${message}\n`),
    });
    try {
      if (database.port === undefined) throw new TypeError('an embedded server has a port');
      return await work(embedded(database.port));
    } finally {
      await database.stop();
    }
  } finally {
    await lock.release();
  }
}

function report(
  out: string,
  { end, bytes, faults }: WrittenBackup | WrittenBaseBackup,
  { json, withKeys }: BackupOptions,
): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ file: out, bytes, ...end, faults })}\n`);
    return;
  }
  const rows = 'rows' in end ? end.rows : end.rows_after;
  const spans = rows['ledger.universal_registry'] ?? 0;
  const lines = [
    'rows' in end
      ? `backed up ${spans} spans (${bytes} bytes) to ${out}, and read it back`
      : `backed up the data folder with at least ${end.rows_before['ledger.universal_registry']} and at most ${spans} spans (${bytes} bytes) to ${out}, and read it back`,
    ...(withKeys
      ? ['The keys are in it, under the passphrase.']
      : [
          'The keys are not in it: keep keys.json of LOGLINE_DATA apart (--with-keys puts it in, encrypted).',
        ]),
    ...(faults.length === 0
      ? [`OK: ${spans} spans: every hash, signature and version chain holds`]
      : ['FAILED: the ledger itself has faults, which the backup holds as they are:', ...faults]),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

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

export interface BackupOptions {
  readonly out: string;
  readonly withKeys?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Writes a backup of the ledger that LOGLINE_DATA or DATABASE_URL names, running or not. */
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
  const written = await withBackupRole(data, keys, (database) =>
    writeBackup({
      database,
      path: out,
      replace: options.force === true,
      publicKeyHex: keys.ring.current.publicKeyHex,
      keys: locked,
      onProgress: (text) => progress.show(text),
    }),
  ).finally(() => progress.clear());
  report(out, written, options);
  if (written.faults.length > 0) process.exitCode = 1;
}

/** The ledger as role `logline_backup`; an embedded server that does not run is started for the time of `work`. */
async function withBackupRole<T>(
  data: DataDirectory,
  keys: LocalKeys,
  work: (database: DatabaseOptions) => Promise<T>,
): Promise<T> {
  const { runtime, rolePrefix } = devSettings();
  const role = roleName('backup', rolePrefix);
  const own = ownDatabaseUrl();
  if (own !== undefined) {
    return work(asRole({ ...runtime.database, connectionString: own }, role, keys.passwords.backup));
  }
  const run = await currentRun(data);
  if (run?.postgresPort !== undefined) {
    return work({
      connectionString: databaseUrl(run.postgresPort, role, keys.passwords.backup, LEDGER_DATABASE),
    });
  }
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
      return await work(database.as.backup);
    } finally {
      await database.stop();
    }
  } finally {
    await lock.release();
  }
}

function report(out: string, { end, bytes, faults }: WrittenBackup, { json, withKeys }: BackupOptions): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ file: out, bytes, ...end, faults })}\n`);
    return;
  }
  const spans = end.rows['ledger.universal_registry'] ?? 0;
  const lines = [
    `backed up ${spans} spans (${bytes} bytes) to ${out}, and read it back`,
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

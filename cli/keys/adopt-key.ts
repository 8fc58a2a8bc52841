import { access } from 'node:fs/promises';
import { type DataDirectory, dataDirectory, prepareDataDirectory } from '../../local/data-directory';
import { devSettings } from '../../local/dev-settings';
import { createKeys, type LocalKeys, loadKeys } from '../../local/keys';
import { openLocalDatabase } from '../../local/local-database';
import { OperatorError } from '../../local/operator-error';
import { takeRunLock } from '../../local/run-lock';
import { resetSuperuserPassword } from '../../local/superuser-password';
import { keyIdOf } from '../../runtime/auth';
import { cryptoReady } from '../../runtime/crypto';
import { migrate } from '../../runtime/db/migrate';
import { Database } from '../../runtime/db/pool';
import { publishKeys } from '../../runtime/ledger/keys/key-publisher';
import { seed } from '../../runtime/ledger/seed';
import { ownDatabaseUrl } from '../open-database';
import { writerOf } from './key-change';

/** Options of `logline keys adopt`. */
export interface AdoptOptions {
  readonly yes?: boolean;
  readonly json?: boolean;
}

/**
 * Continues a ledger whose keys are lost under the key of LOGLINE_DATA, created if missing. Earlier keys are retired, and
 * manifest and kernels are signed again.
 */
export async function adoptKey({ yes, json }: AdoptOptions): Promise<void> {
  if (!yes) {
    throw new OperatorError(
      'adopting breaks the chain of keys for good: nothing but your word links what is signed from now on to what was signed before; say --yes once you are sure that keys.json is lost',
      { exitCode: 2 },
    );
  }
  await cryptoReady();
  const data = dataDirectory();
  const { rolePrefix } = devSettings();
  await prepareDataDirectory(data);
  const lock = await takeRunLock(data);
  try {
    const keys = (await loadKeys(data)) ?? (await replaceKeys(data));
    const local = await openLocalDatabase({
      data,
      keys,
      url: ownDatabaseUrl(),
      rolePrefix,
      onProgress: () => undefined,
      onTrouble: (message) => void process.stderr.write(`logline: ${message}\n`),
    });
    try {
      await migrate({ admin: local.admin, passwords: keys.passwords, rolePrefix });
      const database = new Database({ ...local.as.app, poolSize: 2 });
      try {
        const writer = writerOf(database, keys.ring);
        const lines = await publishKeys({ database, writer, ring: keys.ring, adopts: true });
        const seeds = await seed({ database, writer, keys: keys.ring });
        report(keys.ring.current.publicKeyHex, lines, seeds, json === true);
      } finally {
        await database.close();
      }
    } finally {
      await local.stop();
    }
  } finally {
    await lock.release();
  }
}

/** The password of the embedded server's superuser was in the lost keys.json as well. */
async function replaceKeys(data: DataDirectory): Promise<LocalKeys> {
  const keys = await createKeys(data);
  const isThere = await access(data.postgres).then(
    () => true,
    () => false,
  );
  if (isThere && ownDatabaseUrl() === undefined) {
    await resetSuperuserPassword(data.postgres, keys.passwords.superuser);
  }
  return keys;
}

function report(publicKey: string, lines: readonly string[], seeds: readonly string[], json: boolean): void {
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ public_key: publicKey, changes: lines, signed_anew: seeds })}\n`,
    );
    return;
  }
  const text = [
    ...(lines.length === 0 ? ['nothing to do: the ledger knows this key'] : lines),
    `signs now  ${publicKey} (key id ${keyIdOf(publicKey)})`,
    ...(seeds.length === 0 ? [] : [`signed again: ${seeds.join(', ')}`]),
    'Tokens and cursors of the keys before are gone. verify names the adoption.',
  ];
  process.stdout.write(`${text.join('\n')}\n`);
}

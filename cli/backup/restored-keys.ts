import { access } from 'node:fs/promises';
import type { DataDirectory } from '../../local/data-directory';
import { type LocalKeys, loadOrCreateKeys } from '../../local/keys';
import { OperatorError } from '../../local/operator-error';
import { ownDatabaseUrl } from '../open-database';
import type { BackupHeader } from './backup-file';
import { hasKeys, writeKeyFiles } from './key-files';
import { unlockKeys } from './locked-keys';
import { backupPassphrase } from './passphrase';

/** Keys of a restored ledger: the backup's, the folder's, or new ones with `--new-keys`. */
export async function keysFor(
  header: Pick<BackupHeader, 'keys' | 'public_key'>,
  data: DataDirectory,
  newKeys: boolean,
): Promise<LocalKeys> {
  if (ownDatabaseUrl() === undefined && (await exists(data.postgres))) {
    throw new OperatorError(
      `${data.path} holds a ledger already; set LOGLINE_DATA to another folder, or omit the file if this folder was restored by other means`,
    );
  }
  if (header.keys !== undefined && !(await hasKeys(data))) {
    await writeKeyFiles(data, await unlockKeys(header.keys, await backupPassphrase(false)));
  }
  if (!(await hasKeys(data)) && !newKeys) {
    throw new OperatorError(
      `the backup holds no keys and ${data.path} has none: put keys.json of the old ledger there (key ${header.public_key.slice(0, 16)}), or sign with a new key by --new-keys`,
    );
  }
  const keys = await loadOrCreateKeys(data);
  if (!newKeys && !keys.ring.keys.some(({ publicKeyHex }) => publicKeyHex === header.public_key)) {
    throw new OperatorError(
      `keys.json in ${data.path} is of another ledger: the backup's key ${header.public_key.slice(0, 16)} is not in it`,
    );
  }
  return keys;
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

import type { DataDirectory } from '../../local/data-directory';
import { OperatorError } from '../../local/operator-error';
import { POSTGRES_MAJOR } from '../../local/postgres-binaries';
import { ownDatabaseUrl } from '../open-database';
import type { BaseBackupEnd } from './base-backup-file';
import type { OpenedBackup } from './opened-backup';
import { surveyBaseBackup, unpackBaseBackup } from './unpack-base-backup';

/** Unpacks a base backup into a folder for the user's own PostgreSQL server. */
export async function unpackForServer(backup: OpenedBackup | undefined, folder: string): Promise<void> {
  if (backup?.kind !== 'base')
    throw new OperatorError('--unpack takes a base backup (npx logline backup --base)', { exitCode: 2 });
  await unpackBaseBackup(backup.path, folder);
  process.stdout.write(
    `unpacked the data folder of PostgreSQL ${backup.header.postgres_major} to ${folder}: start that server on it, then run DATABASE_URL=… npx logline restore ${backup.path}\n`,
  );
}

/** @throws OperatorError for a base backup that the embedded server cannot start on */
export function requireFitting(backup: OpenedBackup | undefined): void {
  if (backup?.kind !== 'base' || ownDatabaseUrl() !== undefined) return;
  const { is_embedded: isEmbedded, postgres_major: major } = backup.header;
  if (isEmbedded && major === POSTGRES_MAJOR) return;
  throw new OperatorError(
    `${backup.path} is the data folder of a server that LogLine does not bring (PostgreSQL ${major}): unpack it with --unpack <folder>, start that server on it, and run this again with DATABASE_URL`,
  );
}

/**
 * Unpacks a base backup into the embedded server's data folder. With DATABASE_URL the server already runs on the
 * unpacked folder, so the file is only verified.
 */
export function placeBaseBackup(path: string, data: DataDirectory): Promise<BaseBackupEnd> {
  return ownDatabaseUrl() === undefined ? unpackBaseBackup(path, data.postgres) : surveyBaseBackup(path);
}

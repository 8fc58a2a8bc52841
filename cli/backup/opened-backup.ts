import { OperatorError } from '../../local/operator-error';
import { type BackupHeader, readBackup } from './backup-file';
import { type BaseBackupHeader, isBaseBackup, readBaseBackup } from './base-backup-file';

/** A backup of either kind, of which only the header was read. */
export type OpenedBackup =
  | { readonly kind: 'dump'; readonly path: string; readonly header: BackupHeader }
  | { readonly kind: 'base'; readonly path: string; readonly header: BaseBackupHeader };

/** @throws OperatorError when there is no such file or it is no backup */
export async function openBackup(path: string): Promise<OpenedBackup> {
  if (await isBaseBackup(path)) {
    for await (const part of readBaseBackup(path))
      if (part.kind === 'header') return { kind: 'base', path, header: part.header };
  } else {
    for await (const part of readBackup(path))
      if (part.kind === 'header') return { kind: 'dump', path, header: part.header };
  }
  throw new OperatorError(`${path} is no backup of LogLine`);
}

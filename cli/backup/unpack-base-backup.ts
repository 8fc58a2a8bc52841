import { chown, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { OperatorError, oneLine, systemErrorCode } from '../../local/operator-error';
import { type ServerUser, serverUser } from '../../local/unprivileged-user';
import { type BaseBackupEnd, readBaseBackup } from './base-backup-file';
import type { TarEntry } from './tar';

/**
 * Unpacks the data folder of a base backup, all or nothing. A server that starts on it recovers to the end of the backup.
 * When root runs it, the files belong to the user that the server will run as.
 * @param folder missing or empty
 * @throws OperatorError when it is not, cannot be written, or the file is torn or was changed
 */
export async function unpackBaseBackup(file: string, folder: string): Promise<BaseBackupEnd> {
  if (!(await isMissingOrEmpty(folder))) {
    throw new OperatorError(`${folder} is not empty; a base backup goes into an empty folder`);
  }
  const owner = await serverUser(folder);
  const draft = `${folder}.restoring`;
  await rm(draft, { recursive: true, force: true });
  try {
    await make(draft, owner);
    const end = await unpack(file, draft, owner);
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder);
    return end;
  } catch (cause) {
    await rm(draft, { recursive: true, force: true }).catch(() => undefined);
    if (cause instanceof OperatorError || systemErrorCode(cause) === undefined) throw cause;
    throw new OperatorError(`cannot unpack into ${folder} (${oneLine(cause)})`, { cause });
  }
}

/** Reads a base backup to its end and verifies its checksum. */
export async function surveyBaseBackup(file: string): Promise<BaseBackupEnd> {
  return follow(file, async () => undefined);
}

function unpack(file: string, folder: string, owner: ServerUser | undefined): Promise<BaseBackupEnd> {
  return follow(file, async (entry) => {
    const { name, type } = entry.header;
    const place = placeOf(folder, name);
    if (type === 'directory') return make(place, owner);
    if (type !== 'file')
      throw new OperatorError(`${file} holds ${name}, which is neither a file nor a folder`);
    await writeEntry(place, entry, owner);
  });
}

async function follow(file: string, take: (entry: TarEntry) => Promise<unknown>): Promise<BaseBackupEnd> {
  for await (const part of readBaseBackup(file)) {
    if (part.kind === 'entry') await take(part.entry);
    if (part.kind === 'end') return part.end;
  }
  throw new OperatorError(`${file} is no base backup of LogLine`);
}

/** @throws OperatorError for a name that points outside the folder */
function placeOf(folder: string, name: string): string {
  const place = path.resolve(folder, name);
  if (place.startsWith(`${folder}${path.sep}`)) return place;
  throw new OperatorError(`the backup names a file outside its folder: ${name}`);
}

async function make(folder: string, owner: ServerUser | undefined): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (owner !== undefined && made !== undefined) await chown(folder, owner.uid, owner.gid);
}

async function writeEntry(
  place: string,
  { content }: TarEntry,
  owner: ServerUser | undefined,
): Promise<void> {
  const handle = await open(place, 'wx', 0o600);
  try {
    if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
    for await (const chunk of content) await handle.writeFile(chunk);
  } finally {
    await handle.close();
  }
}

async function isMissingOrEmpty(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0;
  } catch (error) {
    return systemErrorCode(error) === 'ENOENT';
  }
}

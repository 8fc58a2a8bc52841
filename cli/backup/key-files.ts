import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { DataDirectory } from '../../local/data-directory';
import { OperatorError, systemErrorCode } from '../../local/operator-error';
import { writePrivateFile } from '../../local/private-file';
import type { KeyFiles } from './locked-keys';

/** Files of a data folder that hold secrets. Only the first is required. */
const NAMES = ['keys.json', 'checkpoint-keys.json', 'provider-keys.json'] as const;

/** Reads the key files of a data folder. */
export async function readKeyFiles(data: DataDirectory): Promise<KeyFiles> {
  const found: Record<string, string> = {};
  for (const name of NAMES) {
    try {
      found[name] = await readFile(path.join(data.path, name), 'utf8');
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
  }
  return found;
}

/** Whether the folder has keys of its own. */
export async function hasKeys(data: DataDirectory): Promise<boolean> {
  return access(data.keys).then(
    () => true,
    () => false,
  );
}

/** @throws OperatorError when one of them exists */
export async function writeKeyFiles(data: DataDirectory, files: KeyFiles): Promise<void> {
  for (const name of NAMES) {
    const content = files[name];
    if (content === undefined) continue;
    try {
      await writePrivateFile(path.join(data.path, name), content, 'create');
    } catch (cause) {
      if (systemErrorCode(cause) !== 'EEXIST') throw cause;
      throw new OperatorError(`${path.join(data.path, name)} is there already; move it away first`, {
        cause,
      });
    }
  }
}

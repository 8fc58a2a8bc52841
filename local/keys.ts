import { randomBytes } from 'node:crypto';
import { chmod, readFile, stat } from 'node:fs/promises';
import { generateSigningKey } from '../runtime/crypto';
import { KeyRing } from '../runtime/ledger/keys/key-ring';
import type { DataDirectory } from './data-directory';
import { keyFileText, type LocalKeys, parseKeyFile, passwordsOfRoles } from './key-file';
import { OperatorError, oneLine, systemErrorCode } from './operator-error';
import { writePrivateFile } from './private-file';

export type { LocalKeys } from './key-file';

const PASSWORD_BYTES = 24;

/**
 * Reads `keys.json`, and creates it if it does not exist. An existing file is never overwritten, since the ledger's signing
 * key would be lost.
 * @throws OperatorError when the file is invalid or cannot be read or written
 */
export async function loadOrCreateKeys(data: DataDirectory): Promise<LocalKeys> {
  const present = await loadKeys(data);
  if (present !== undefined) return present;
  if ((await stat(data.postgres).catch(() => undefined)) !== undefined) {
    throw new OperatorError(
      `${data.keys} is missing, but ${data.postgres} needs it; put the file back from a backup; or, if it is lost, continue under a new key with npx logline keys adopt; or move the whole folder ${data.path} away to begin with an empty ledger`,
    );
  }
  return createKeys(data);
}

/** Creates `keys.json`; reads the other's file if another process creates it at the same time. */
export async function createKeys(data: DataDirectory): Promise<LocalKeys> {
  try {
    await writePrivateFile(data.keys, keyFileText(newKeys()), 'create');
  } catch (cause) {
    // Another process created it first; use that file.
    if (systemErrorCode(cause) !== 'EEXIST') throw cannotWrite(data, cause);
  }
  const created = await loadKeys(data);
  if (created === undefined) throw new OperatorError(`${data.keys} vanished while LogLine was starting`);
  return created;
}

/**
 * Reads `keys.json`; undefined when there is none. Adds a password for each database role that the file lacks.
 * @throws OperatorError when the file is invalid or cannot be read or written
 */
export async function loadKeys(data: DataDirectory): Promise<LocalKeys | undefined> {
  let text: string;
  try {
    text = await readFile(data.keys, 'utf8');
    if (process.platform !== 'win32' && ((await stat(data.keys)).mode & 0o077) !== 0) {
      await chmod(data.keys, 0o600);
    }
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return undefined;
    throw new OperatorError(`cannot read ${data.keys} (${oneLine(cause)}); give this user access to it`, {
      cause,
    });
  }
  let isOlder = false;
  const keys = parseKeyFile(
    text,
    (what) => brokenKeys(data, what),
    () => {
      isOlder = true;
      return newPassword();
    },
  );
  return isOlder ? storeRing(data, keys, keys.ring) : keys;
}

/** The error for an invalid `keys.json`. */
export function brokenKeys(data: DataDirectory, what: string): OperatorError {
  return new OperatorError(
    `${data.keys} is broken: ${what}; restore it from a backup, since the database and every token depend on it`,
  );
}

/** The keys of an existing local run, for commands that must not create new ones. */
export async function requireKeys(data: DataDirectory): Promise<LocalKeys> {
  const keys = await loadKeys(data);
  if (keys === undefined) {
    throw new OperatorError(
      `there are no keys in ${data.path}; run npm start once, or set LOGLINE_DATA to the folder of your ledger`,
    );
  }
  return keys;
}

/**
 * Replaces the ring in `keys.json` atomically. A running LogLine picks it up.
 * @throws OperatorError when the file cannot be written
 */
export async function storeRing(data: DataDirectory, keys: LocalKeys, ring: KeyRing): Promise<LocalKeys> {
  const changed = { ...keys, ring, signingKey: ring.current };
  try {
    await writePrivateFile(data.keys, keyFileText(changed), 'replace');
  } catch (cause) {
    throw cannotWrite(data, cause);
  }
  return changed;
}

function cannotWrite(data: DataDirectory, cause: unknown): OperatorError {
  return new OperatorError(`cannot write ${data.keys} (${oneLine(cause)})`, { cause });
}

function newKeys(): Pick<LocalKeys, 'ring' | 'passwords'> {
  return {
    ring: new KeyRing([generateSigningKey()]),
    passwords: { superuser: newPassword(), owner: newPassword(), ...passwordsOfRoles(newPassword) },
  };
}

function newPassword(): string {
  return randomBytes(PASSWORD_BYTES).toString('hex');
}

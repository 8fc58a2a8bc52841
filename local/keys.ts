import { randomBytes } from 'node:crypto';
import { chmod, readFile, stat } from 'node:fs/promises';
import { generateSigningKey, type SigningKey, signingKeyFromHex } from '../runtime/crypto';
import type { DataDirectory } from './data-directory';
import { OperatorError, oneLine, systemErrorCode } from './operator-error';
import { writePrivateFile } from './private-file';

/** The secrets of a local run, kept in `keys.json`, which only its owner may read. */
export interface LocalKeys {
  /** Signs spans; tokens are signed with a key derived from it. */
  readonly signingKey: SigningKey;
  readonly passwords: {
    /** Of `postgres`, the superuser of the embedded server. */
    readonly superuser: string;
    /** Of `logline_owner`, who owns the schema of the embedded server. */
    readonly owner: string;
    /** Of `logline_app`, whom the ledger runs as, on the embedded server and on one of the user's own. */
    readonly app: string;
  };
}

const FORMAT = 1;
const PASSWORD_BYTES = 24;

/** The layout of `keys.json`. */
interface KeyFile {
  readonly format: number;
  readonly signing_key: { readonly seed_hex: string; readonly public_key_hex: string };
  readonly database_passwords: {
    readonly superuser: string;
    readonly owner: string;
    readonly app: string;
  };
}

/**
 * Reads `keys.json`, making it first if it does not exist. An existing file is never overwritten: with it
 * the key that signed the ledger would be lost.
 * @throws OperatorError when the file is broken or cannot be read or written
 */
export async function loadOrCreateKeys(data: DataDirectory): Promise<LocalKeys> {
  const present = await loadKeys(data);
  if (present !== undefined) return present;
  if ((await stat(data.postgres).catch(() => undefined)) !== undefined) {
    throw new OperatorError(
      `${data.keys} is missing, but ${data.postgres} needs it; put the file back from a backup, or move the whole folder ${data.path} away to begin with an empty ledger`,
    );
  }
  try {
    await writePrivateFile(data.keys, `${JSON.stringify(newKeyFile(), null, 2)}\n`, 'create');
  } catch (cause) {
    // Somebody else made it in the meantime; theirs counts.
    if (systemErrorCode(cause) !== 'EEXIST') {
      throw new OperatorError(`cannot write ${data.keys} (${oneLine(cause)})`, { cause });
    }
  }
  const created = await loadKeys(data);
  if (created === undefined) throw new OperatorError(`${data.keys} vanished while LogLine was starting`);
  return created;
}

/** Reads `keys.json`; undefined when there is none. */
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
  const fault = (what: string): OperatorError =>
    new OperatorError(
      `${data.keys} is broken: ${what}; restore it from a backup, since the database and every token depend on it`,
    );
  return parseKeyFile(text, fault);
}

/** The keys of an existing local run. For commands that must not make new ones. */
export async function requireKeys(data: DataDirectory): Promise<LocalKeys> {
  const keys = await loadKeys(data);
  if (keys === undefined) {
    throw new OperatorError(
      `there are no keys in ${data.path}; run npm start once, or set LOGLINE_DATA to the folder of your ledger`,
    );
  }
  return keys;
}

function newKeyFile(): KeyFile {
  const key = generateSigningKey();
  const password = (): string => randomBytes(PASSWORD_BYTES).toString('hex');
  return {
    format: FORMAT,
    signing_key: { seed_hex: key.secretKeyHex(), public_key_hex: key.publicKeyHex },
    database_passwords: { superuser: password(), owner: password(), app: password() },
  };
}

/** No message repeats any of the file's content. */
function parseKeyFile(text: string, fault: (what: string) => OperatorError): LocalKeys {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    throw fault('it is not JSON');
  }
  if (member(file, 'format') !== FORMAT) throw fault(`"format" is not ${FORMAT}`);
  const signing = member(file, 'signing_key');
  const passwords = member(file, 'database_passwords');
  const textOf = (holder: unknown, name: string): string => {
    const value = member(holder, name);
    if (typeof value !== 'string' || value === '') throw fault(`"${name}" is missing`);
    return value;
  };
  let signingKey: SigningKey;
  try {
    signingKey = signingKeyFromHex(textOf(signing, 'seed_hex'));
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw fault('"seed_hex" is not 64 hexadecimal digits');
  }
  if (signingKey.publicKeyHex !== textOf(signing, 'public_key_hex')) {
    throw fault('"public_key_hex" does not belong to "seed_hex"');
  }
  return {
    signingKey,
    passwords: {
      superuser: textOf(passwords, 'superuser'),
      owner: textOf(passwords, 'owner'),
      app: textOf(passwords, 'app'),
    },
  };
}

function member(holder: unknown, name: string): unknown {
  if (typeof holder !== 'object' || holder === null) return undefined;
  return Object.entries(holder).find(([key]) => key === name)?.[1];
}

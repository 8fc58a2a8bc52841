import { mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { OperatorError, oneLine, systemErrorCode } from './operator-error';

/** Paths of the local run's data folder. */
export interface DataDirectory {
  /** Absolute path. */
  readonly path: string;
  /** The PostgreSQL cluster. */
  readonly postgres: string;
  readonly postgresLog: string;
  /** Structured log of the local run, one JSON object a line. */
  readonly log: string;
  readonly keys: string;
  /** The keys that sign checkpoints. */
  readonly checkpointKeys: string;
  /** Folder with a checkpoint for each day and tenant. */
  readonly checkpoints: string;
  /** API keys of providers, name → key; may be missing. */
  readonly providerKeys: string;
  /** Lock that names the running process, see {@link ../local/run-lock}. */
  readonly lock: string;
  /** State for the next start, such as the database's port. */
  readonly state: string;
}

/** The folder that `LOGLINE_DATA` names, relative to the current folder; `.logline` beside package.json without it. */
export function dataDirectory(env: NodeJS.ProcessEnv = process.env): DataDirectory {
  const chosen = env.LOGLINE_DATA;
  const root = chosen ? path.resolve(chosen) : path.join(path.dirname(__dirname), '.logline');
  return {
    path: root,
    postgres: path.join(root, 'postgres'),
    postgresLog: path.join(root, 'postgres.log'),
    log: path.join(root, 'logline.log'),
    keys: path.join(root, 'keys.json'),
    checkpointKeys: path.join(root, 'checkpoint-keys.json'),
    checkpoints: path.join(root, 'checkpoints'),
    providerKeys: path.join(root, 'provider-keys.json'),
    lock: path.join(root, 'run.lock'),
    state: path.join(root, 'state.json'),
  };
}

/**
 * Creates the folder if it is missing and checks that this user can write to it.
 * @throws OperatorError when the user cannot
 */
export async function prepareDataDirectory(data: DataDirectory): Promise<void> {
  const probe = path.join(data.path, `.probe-${process.pid}`);
  try {
    // When root runs it, the server runs as another user, who must be able to traverse the folder; keys.json has its own mode.
    await makeFolder(data.path, process.getuid?.() === 0 ? 0o711 : 0o700);
    const handle = await open(probe, 'w', 0o600);
    try {
      await handle.writeFile('full?');
      await handle.sync();
    } finally {
      await handle.close();
      await rm(probe, { force: true });
    }
  } catch (cause) {
    throw new OperatorError(explain(data.path, cause), { cause });
  }
}

/** Creates folders one by one, because Node's recursive mkdir loops for ever below /proc, which answers ENOENT. */
async function makeFolder(folder: string, mode: number): Promise<void> {
  try {
    await mkdir(folder, { mode });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EEXIST') return;
    const parent = path.dirname(folder);
    if (code !== 'ENOENT' || parent === folder) throw error;
    await makeFolder(parent, mode);
    await mkdir(folder, { mode });
  }
}

function explain(folder: string, cause: unknown): string {
  switch (systemErrorCode(cause)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk that holds ${folder} is full; free some space, then start again (nothing acknowledged is lost)`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `this user may not write to ${folder}; give it access or set LOGLINE_DATA to another folder`;
    case 'ENOTDIR':
    case 'EEXIST':
      return `${folder} is not a folder; remove that file or set LOGLINE_DATA to another folder`;
    default:
      return `cannot use the data folder ${folder} (${oneLine(cause)}); set LOGLINE_DATA to another folder`;
  }
}

import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { OperatorError, oneLine, systemErrorCode } from '../../local/operator-error';
import type { VerifierKey } from '../../runtime/proofs/verifier-key';
import type { LedgerApi } from '../ledger-api';
import { givenVerifierKeys } from './verifier-keys';

/** A source of log files: a ledger or a folder. */
export type LogSource = Pick<LedgerApi, 'requestBytes'>;

/** Path of an export's log. */
export function logFolderOf(file: string): string {
  return `${file}.log`;
}

const LEAVES = 'tile/entries/';

/**
 * A tenant's log as files: `checkpoint`, `vkeys`, and `tile/…` in the layout of https://c2sp.org/tlog-tiles, so that other
 * tools can read it. Answers requests like the ledger it came from.
 */
export class LogFolder implements LogSource {
  readonly path: string;

  constructor(folder: string) {
    this.path = folder;
  }

  /** The file of a log route, or status 404. */
  async requestBytes(route: string): ReturnType<LogSource['requestBytes']> {
    const bytes = await this.#bytes(nameOf(route));
    const headers = new Headers();
    if (bytes !== undefined) return { status: 200, headers, bytes };
    // A ledger answers 403 without scope admin; the export then has no leaves.
    if (nameOf(route).startsWith(LEAVES) && !(await this.#holds(LEAVES)))
      return { status: 403, headers, bytes: new Uint8Array() };
    return { status: 404, headers, bytes: new TextEncoder().encode('{"detail":"it is not in the folder"}') };
  }

  /** The text of a file; undefined when it is missing. */
  async read(name: string): Promise<string | undefined> {
    return (await this.#bytes(name))?.toString();
  }

  #holds(name: string): Promise<boolean> {
    return access(this.#file(name)).then(
      () => true,
      () => false,
    );
  }

  async #bytes(name: string): Promise<Buffer | undefined> {
    try {
      return await readFile(this.#file(name));
    } catch (cause) {
      if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(cause) ?? '')) return undefined;
      throw new OperatorError(`cannot read the log in ${this.path} (${oneLine(cause)})`, { cause });
    }
  }

  /** @throws OperatorError when the write fails */
  async keep(name: string, bytes: Uint8Array | string): Promise<void> {
    const file = this.#file(name);
    try {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
      await writeFile(file, bytes, { mode: 0o600 });
    } catch (cause) {
      throw new OperatorError(`cannot write ${file} (${oneLine(cause)})`, { cause });
    }
  }

  #file(name: string): string {
    return path.join(this.path, ...name.split('/'));
  }
}

/** Wraps a source, and saves every log file that is read through it. */
export function keepingLog(source: LogSource, folder: LogFolder): LogSource {
  return {
    async requestBytes(route, options) {
      const answer = await source.requestBytes(route, options);
      if (answer.status === 200) await folder.keep(nameOf(route), answer.bytes);
      return answer;
    },
  };
}

/** `/api/log/{tenant}/checkpoint` is the file `checkpoint`, `/api/log/{tenant}/tile/…` the file `tile/…`. */
function nameOf(route: string): string {
  const [, name] = /^\/api\/log\/[^/]+\/(checkpoint|tile\/[\w./]+)$/.exec(route) ?? [];
  if (name === undefined || name.includes('..')) throw new TypeError(`log folder: no file for ${route}`);
  return name;
}

/** An exported log, ready to be verified. */
export interface KeptLog {
  readonly client: LogSource;
  readonly tenant: string;
  readonly keys: readonly VerifierKey[];
  /** File that the verifier keys come from; undefined when the user gave them. */
  readonly keysFrom: string;
}

/**
 * Opens the log beside an export; undefined when there is none.
 * @param vkey verifier keys; defaults to those in the export
 * @throws OperatorError when the folder cannot be read, or names no log
 */
export async function keptLog(file: string, vkey?: readonly string[]): Promise<KeptLog | undefined> {
  const folder = new LogFolder(logFolderOf(file));
  const note = await folder.read('checkpoint');
  const vkeys = await folder.read('vkeys');
  if (note === undefined && vkeys === undefined) return undefined;
  const keys =
    vkey === undefined
      ? givenVerifierKeys([vkeys ?? ''], path.join(folder.path, 'vkeys'))
      : givenVerifierKeys(vkey);
  const origin = note?.split('\n', 1)[0] ?? keys[0]?.name ?? '';
  const keysFrom = vkey === undefined ? 'the export itself says; --vkey says it for you' : 'your --vkey says';
  return { client: folder, tenant: tenantOfOrigin(origin, folder), keys, keysFrom };
}

/** The tenant follows the last slash of an origin, percent-encoded. */
function tenantOfOrigin(origin: string, { path: folder }: LogFolder): string {
  try {
    return decodeURIComponent(origin.slice(origin.lastIndexOf('/') + 1));
  } catch (cause) {
    throw new OperatorError(`${folder} names no tenant's log: ${origin}`, { cause });
  }
}

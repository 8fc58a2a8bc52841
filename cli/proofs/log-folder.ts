import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { OperatorError, oneLine, systemErrorCode } from '../../local/operator-error';
import type { VerifierKey } from '../../runtime/proofs/verifier-key';
import type { LedgerApi } from '../ledger-api';
import { givenVerifierKeys } from './verifier-keys';

/** What reads a log, be it served or kept. */
export type LogSource = Pick<LedgerApi, 'requestBytes'>;

/** Where the log of an export lies. */
export function logFolderOf(file: string): string {
  return `${file}.log`;
}

const LEAVES = 'tile/entries/';

/**
 * The log of a tenant as files: `checkpoint`, `vkeys`, and `tile/…` as https://c2sp.org/tlog-tiles lays a log out, so
 * that other tools read it, too. Answers like the ledger that it came from.
 */
export class LogFolder implements LogSource {
  readonly path: string;

  constructor(folder: string) {
    this.path = folder;
  }

  /** The file behind a route of the log, or status 404. */
  async requestBytes(route: string): ReturnType<LogSource['requestBytes']> {
    const bytes = await this.#bytes(nameOf(route));
    const headers = new Headers();
    if (bytes !== undefined) return { status: 200, headers, bytes };
    // As the ledger answers callers that may not read leaves: then none of them came along.
    if (nameOf(route).startsWith(LEAVES) && !(await this.#holds(LEAVES)))
      return { status: 403, headers, bytes: new Uint8Array() };
    return { status: 404, headers, bytes: new TextEncoder().encode('{"detail":"it is not in the folder"}') };
  }

  /** The text of a file; undefined when it is not there. */
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

  /** @throws OperatorError when the disk does not take it */
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

/** Reads from a ledger and keeps what it reads of the log. */
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

/** A log that came along with an export, ready to be walked. */
export interface KeptLog {
  readonly client: LogSource;
  readonly tenant: string;
  readonly keys: readonly VerifierKey[];
  /** Whose word it is that these are the log's keys; undefined when the caller gave them. */
  readonly keysFrom: string;
}

/**
 * The log beside an export; undefined when there is none.
 * @param vkey verifier keys to judge by; by default those that came along
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

/** The part behind the last slash: a tenant's name has none, as it is percent-encoded. */
function tenantOfOrigin(origin: string, { path: folder }: LogFolder): string {
  try {
    return decodeURIComponent(origin.slice(origin.lastIndexOf('/') + 1));
  } catch (cause) {
    throw new OperatorError(`${folder} names no tenant's log: ${origin}`, { cause });
  }
}

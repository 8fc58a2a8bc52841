import { createHash } from 'node:crypto';
import { OperatorError } from '../../local/operator-error';
import { GzipFile, gunzipped, readFault } from './gzip-file';
import type { LockedKeys } from './locked-keys';
import { readTar, TAR_END, type TarEntry, tarHeader, tarPadding } from './tar';

/**
 * A base backup is a gzipped tar file: a PostgreSQL data folder between two files of ours, of which the first says what
 * it is and the last how many rows it has to have and the SHA-256 over name, size and content of all members before.
 */
export interface BaseBackupHeader {
  readonly logline_base_backup: 1;
  readonly made_at: string;
  /** Only that major version's server takes the folder. */
  readonly postgres_major: number;
  /** Whether the server is the one that LogLine brings. */
  readonly is_embedded: boolean;
  /** The key that signs, in hex. */
  readonly public_key: string;
  readonly keys?: LockedKeys;
}

/** Rows of each table of the ledger before and after the copy: what is restored lies between the two. */
export interface BaseBackupEnd {
  readonly rows_before: Readonly<Record<string, number>>;
  readonly rows_after: Readonly<Record<string, number>>;
  readonly sha256: string;
}

/** What a reader is told, in the order of the file. */
export type BaseBackupPart =
  | { readonly kind: 'header'; readonly header: BaseBackupHeader }
  | { readonly kind: 'entry'; readonly entry: TarEntry }
  | { readonly kind: 'end'; readonly end: BaseBackupEnd };

const FIRST = 'logline-backup.json';
const LAST = 'logline-backup-end.json';
const MAX_JSON_BYTES = 1024 * 1024;

/** Writes a base backup, member by member. */
export class BaseBackupWriter {
  readonly #file: GzipFile;
  readonly #hash = createHash('sha256');

  private constructor(file: GzipFile) {
    this.#file = file;
  }

  /** @throws OperatorError when the folder cannot be written */
  static async open(path: string, header: BaseBackupHeader): Promise<BaseBackupWriter> {
    const writer = new BaseBackupWriter(await GzipFile.open(path));
    await writer.add(jsonEntry(FIRST, header));
    return writer;
  }

  /** Of the file, so far. */
  get bytes(): number {
    return this.#file.bytes;
  }

  async add(entry: TarEntry): Promise<void> {
    await this.#file.push(entry.header);
    for await (const chunk of hashed(entry, this.#hash)) await this.#file.push(chunk);
    await this.#file.push(tarPadding(entry.size));
  }

  /** @param replace takes the place of a file of that name */
  async finish(rows: Omit<BaseBackupEnd, 'sha256'>, replace: boolean): Promise<BaseBackupEnd> {
    const end: BaseBackupEnd = { ...rows, sha256: this.#hash.digest('hex') };
    const text = Buffer.from(JSON.stringify(end));
    await this.#file.push(tarHeader(LAST, text.length));
    await this.#file.push(Buffer.concat([text, tarPadding(text.length), TAR_END]));
    await this.#file.finish(replace);
    return end;
  }

  discard(): Promise<void> {
    return this.#file.discard();
  }
}

/** Whether the file, if there is one, is a base backup rather than a dump. */
export async function isBaseBackup(path: string): Promise<boolean> {
  try {
    for await (const entry of membersOf(path)) return entry.name === FIRST;
  } catch {
    // Whatever it is, the reader of dumps says what is wrong with it.
  }
  return false;
}

/**
 * Reads a base backup, a piece in memory at a time. The end comes only when every member is as it was written.
 * @throws OperatorError when the file is torn or was changed
 */
export async function* readBaseBackup(path: string): AsyncGenerator<BaseBackupPart> {
  const hash = createHash('sha256');
  let isFirst = true;
  try {
    for await (const entry of membersOf(path)) {
      if (isFirst) {
        isFirst = false;
        yield { kind: 'header', header: parseHeader(path, await jsonOf(path, entry, hash)) };
      } else if (entry.name === LAST) {
        const end = parseEnd(path, await jsonOf(path, entry));
        if (end.sha256 !== hash.digest('hex'))
          throw new OperatorError(`${path} was changed: its files are not those that were written`);
        yield { kind: 'end', end };
        return;
      } else {
        const content = hashed(entry, hash);
        yield { kind: 'entry', entry: { ...entry, content } };
        for await (const _ of content);
      }
    }
  } catch (cause) {
    throw readFault(path, cause);
  }
  throw new OperatorError(`${path} ends too early: it was not written to its end`);
}

function membersOf(path: string): AsyncGenerator<TarEntry> {
  return gunzipped(path, readTar);
}

/** The content of a member, counted in as it is read. */
async function* hashed({ name, size, content }: TarEntry, hash: ReturnType<typeof createHash>) {
  hash.update(`${name}\0${size}\0`);
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
  }
}

function jsonEntry(name: string, value: object): TarEntry {
  const text = Buffer.from(JSON.stringify(value));
  async function* content() {
    yield text;
  }
  return { name, kind: 'file', size: text.length, header: tarHeader(name, text.length), content: content() };
}

async function jsonOf(path: string, entry: TarEntry, hash = createHash('sha256')): Promise<unknown> {
  if (entry.size > MAX_JSON_BYTES) throw new OperatorError(`${path} is damaged: ${entry.name} is too long`);
  const chunks = [];
  for await (const chunk of hashed(entry, hash)) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

function parseHeader(path: string, value: unknown): BaseBackupHeader {
  const header = value as Partial<BaseBackupHeader> | null;
  if (typeof header !== 'object' || header?.logline_base_backup === undefined)
    throw new OperatorError(`${path} is no base backup of LogLine`);
  if (header.logline_base_backup !== 1)
    throw new OperatorError(`${path} was written by a newer LogLine; restore it with that one`);
  const isWhole = typeof header.public_key === 'string' && Number.isInteger(header.postgres_major);
  if (!isWhole) throw new OperatorError(`${path} is damaged: its first file lacks members`);
  return header as BaseBackupHeader;
}

function parseEnd(path: string, value: unknown): BaseBackupEnd {
  const end = value as Partial<BaseBackupEnd> | null;
  if (typeof end?.sha256 !== 'string' || !isCounts(end.rows_before) || !isCounts(end.rows_after))
    throw new OperatorError(`${path} is damaged: its last file lacks members`);
  return end as BaseBackupEnd;
}

function isCounts(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every(Number.isInteger);
}

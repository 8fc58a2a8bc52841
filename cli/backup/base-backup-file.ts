import { createHash, type Hash } from 'node:crypto';
import { createTarPacker } from 'modern-tar';
import { OperatorError } from '../../local/operator-error';
import { GzipFile, gunzipped, readFault } from './gzip-file';
import type { LockedKeys } from './locked-keys';
import { readTar, type TarEntry } from './tar';

/**
 * First member of a base backup. The file is a gzipped tar: this header, a PostgreSQL data folder, and last the row
 * counts and the SHA-256 over name, size and content of all members before.
 */
export interface BaseBackupHeader {
  readonly logline_base_backup: 1;
  readonly made_at: string;
  /** Major version of the server; no other version can start on the folder. */
  readonly postgres_major: number;
  /** Whether the server is LogLine's embedded one. */
  readonly is_embedded: boolean;
  /** The key that signs, in hex. */
  readonly public_key: string;
  readonly keys?: LockedKeys;
}

/** Last member: row counts before and after the copy. Those of the restored database lie between the two. */
export interface BaseBackupEnd {
  readonly rows_before: Readonly<Record<string, number>>;
  readonly rows_after: Readonly<Record<string, number>>;
  readonly sha256: string;
}

/** What {@link readBaseBackup} yields, in the order of the file. */
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
  readonly #tar = createTarPacker();
  readonly #packed: Promise<void>;
  readonly #hash = createHash('sha256');

  private constructor(file: GzipFile) {
    this.#file = file;
    this.#packed = this.#tar.readable.pipeTo(new WritableStream({ write: (chunk) => file.push(chunk) }));
    this.#packed.catch(() => undefined);
  }

  /** @throws OperatorError when the folder cannot be written */
  static async open(path: string, header: BaseBackupHeader): Promise<BaseBackupWriter> {
    const writer = new BaseBackupWriter(await GzipFile.open(path));
    await writer.add(jsonEntry(FIRST, header));
    return writer;
  }

  /** Bytes written to the file so far. */
  get bytes(): number {
    return this.#file.bytes;
  }

  /** Appends a member, which counts towards the checksum. */
  async add(entry: TarEntry): Promise<void> {
    const place = this.#tar.controller.add(entry.header);
    await ReadableStream.from(hashed(entry, this.#hash)).pipeTo(place);
  }

  /** @param replace overwrite an existing file */
  async finish(rows: Omit<BaseBackupEnd, 'sha256'>, replace: boolean): Promise<BaseBackupEnd> {
    const end: BaseBackupEnd = { ...rows, sha256: this.#hash.digest('hex') };
    const { header, content } = jsonEntry(LAST, end);
    await ReadableStream.from(content).pipeTo(this.#tar.controller.add(header));
    this.#tar.controller.finalize();
    await this.#packed;
    await this.#file.finish(replace);
    return end;
  }

  /** Deletes the incomplete file. */
  async discard(): Promise<void> {
    this.#tar.controller.error(new Error('the backup was given up'));
    await this.#packed.catch(() => undefined);
    await this.#file.discard();
  }
}

/** Whether the file is a base backup rather than a dump; false when it does not exist. */
export async function isBaseBackup(path: string): Promise<boolean> {
  try {
    for await (const { header } of membersOf(path)) return header.name === FIRST;
  } catch {
    // Not a gzipped tar file: the reader of dumps reports what is wrong with it.
  }
  return false;
}

/**
 * Reads a base backup, one chunk in memory at a time. Yields the end only after the checksum over all members holds.
 * @throws OperatorError when the file is truncated or changed
 */
export async function* readBaseBackup(path: string): AsyncGenerator<BaseBackupPart> {
  const hash = createHash('sha256');
  let isFirst = true;
  try {
    for await (const entry of membersOf(path)) {
      if (isFirst) {
        isFirst = false;
        yield { kind: 'header', header: parseHeader(path, await jsonOf(path, entry, hash)) };
      } else if (entry.header.name === LAST) {
        const end = parseEnd(path, await jsonOf(path, entry));
        if (end.sha256 !== hash.digest('hex'))
          throw new OperatorError(`${path} was changed: its files are not those that were written`);
        yield { kind: 'end', end };
        return;
      } else {
        const content = hashed(entry, hash);
        yield { kind: 'entry', entry: { header: entry.header, content } };
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

/** Content of a member, added to the hash as it is read. */
async function* hashed({ header: { name, size }, content }: TarEntry, hash: Hash) {
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
  return { header: { name, size: text.length, mode: 0o600 }, content: content() };
}

async function jsonOf(path: string, entry: TarEntry, hash = createHash('sha256')): Promise<unknown> {
  const { name, size } = entry.header;
  if (size > MAX_JSON_BYTES) throw new OperatorError(`${path} is damaged: ${name} is too long`);
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

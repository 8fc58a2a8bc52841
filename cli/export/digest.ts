import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { OperatorError, oneLine, systemErrorCode } from '../../local/operator-error';
import { hashFile, startHash } from './file-hash';

/** What `FILE.digest.json` says of an export. */
export interface ExportDigest {
  readonly format: 1;
  readonly file: string;
  readonly tenant: string;
  /** Whose spans these are; null for what a token could read. */
  readonly users: readonly string[] | null;
  /** Only spans whose `at` is this time or later; null for all. */
  readonly since: string | null;
  /** Whether every version of every entity in it is in it. */
  readonly complete: boolean;
  readonly spans: number;
  readonly bytes: number;
  /** BLAKE3-256 of the file's bytes, hex, as `b3sum` prints it. */
  readonly blake3: string;
  /** Behind the first and the last page. A later cursor continues where this export ended. */
  readonly first_cursor: string | null;
  readonly last_cursor: string | null;
  /** The tenant's log, kept in `FILE.log/`; null where it was not read or there is none. */
  readonly log: ExportedLog | null;
  /** The tenant's work state, kept in `FILE.work.ndjson`; null unless the tenant was frozen. */
  readonly work: ExportedWork | null;
  /** Who signed, and how many spans. */
  readonly public_keys: Readonly<Record<string, number>>;
  readonly source: string;
  readonly exported_at: string;
}

/** How far the log goes that came along with an export. */
export interface ExportedLog {
  readonly origin: string;
  /** Positions of its checkpoint, which came after the last page. */
  readonly size: number;
  /** Positions there were before the first page, each of which has its span in the file; 0 where not all spans were asked for. */
  readonly size_before: number;
}

/** The work state that came along with an export. */
export interface ExportedWork {
  readonly pages: number;
  /** BLAKE3-256 of its file's bytes, hex. */
  readonly blake3: string;
}

/** What a digest has to say about a file. */
export interface DigestCheck {
  readonly tenant: string;
  readonly complete: boolean;
  readonly blake3: string;
  readonly spans: number;
  /** Undefined when no log came along, as in exports of the first edition. */
  readonly log: Pick<ExportedLog, 'size_before'> | undefined;
  /** Undefined when no work state came along. */
  readonly work: ExportedWork | undefined;
}

/** Where the digest of an export lies. */
export function digestFileOf(file: string): string {
  return `${file}.digest.json`;
}

/**
 * The digest beside a file; undefined when there is none.
 * @throws OperatorError when there is one that cannot be read
 */
export async function readDigest(file: string): Promise<DigestCheck | undefined> {
  const digestFile = digestFileOf(file);
  let text: string;
  try {
    text = await readFile(digestFile, 'utf8');
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(cause) ?? '')) return undefined;
    throw new OperatorError(`cannot read ${digestFile} (${oneLine(cause)})`, { cause });
  }
  const digest = parseDigest(text);
  if (digest === undefined) throw new OperatorError(`${digestFile} is not the digest of an export`);
  return digest;
}

function parseDigest(text: string): DigestCheck | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { tenant, complete, blake3, spans, log = null, work = null } = value as Record<string, unknown>;
  if (typeof complete !== 'boolean' || typeof blake3 !== 'string' || typeof spans !== 'number')
    return undefined;
  if (typeof tenant !== 'string') return undefined;
  const about = { tenant, complete, blake3, spans, log: undefined, work: workOf(work) };
  if (log === null) return about;
  const { size_before } = log as Record<string, unknown>;
  if (typeof size_before !== 'number' || !Number.isSafeInteger(size_before)) return undefined;
  return { ...about, log: { size_before } };
}

function workOf(work: unknown): ExportedWork | undefined {
  if (typeof work !== 'object' || work === null) return undefined;
  const { pages, blake3 } = work as Record<string, unknown>;
  return typeof pages === 'number' && typeof blake3 === 'string' ? { pages, blake3 } : undefined;
}

/** Why the file is not the one that its digest describes; undefined when it is. */
export async function digestFault(file: string, digest: DigestCheck): Promise<string | undefined> {
  const hash = await startHash();
  try {
    await hashFile(file, hash);
  } catch (cause) {
    throw new OperatorError(`cannot read ${file} (${oneLine(cause)})`, { cause });
  }
  const found = hash.digest();
  if (found === digest.blake3) return undefined;
  return `digest: ${path.basename(file)} hashes to ${found}, but ${path.basename(digestFileOf(file))} says ${digest.blake3}`;
}

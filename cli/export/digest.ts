import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { OperatorError, oneLine, systemErrorCode } from '../../local/operator-error';
import { hashFile, startHash } from './file-hash';

/** Content of `FILE.digest.json`. */
export interface ExportDigest {
  readonly format: 1;
  readonly file: string;
  readonly tenant: string;
  /** Users whose spans were exported; null for everything that a given token could read. */
  readonly users: readonly string[] | null;
  /** Only spans whose `at` is this time or later; null for all. */
  readonly since: string | null;
  /** Whether the file has every version of each entity in it. */
  readonly complete: boolean;
  readonly spans: number;
  readonly bytes: number;
  /** BLAKE3-256 of the file's bytes, hex, as `b3sum` prints it. */
  readonly blake3: string;
  /** Cursors behind the first and the last page; the last one continues the feed where this export ended. */
  readonly first_cursor: string | null;
  readonly last_cursor: string | null;
  /** The tenant's log in `FILE.log/`; null when it was not read or does not exist. */
  readonly log: ExportedLog | null;
  /** The tenant's work state in `FILE.work.ndjson`; null unless the tenant was frozen. */
  readonly work: ExportedWork | null;
  /** Public key → number of spans that it signed. */
  readonly public_keys: Readonly<Record<string, number>>;
  readonly source: string;
  readonly exported_at: string;
}

/** Size of the exported log. */
export interface ExportedLog {
  readonly origin: string;
  /** Size of its checkpoint, which was read after the last page. */
  readonly size: number;
  /** Size before the first page; every position below has its span in the file. 0 when not all spans were requested. */
  readonly size_before: number;
}

/** Exported work state. */
export interface ExportedWork {
  readonly pages: number;
  /** BLAKE3-256 of its file's bytes, hex. */
  readonly blake3: string;
}

/** The part of a digest by which a file is checked. */
export interface DigestCheck {
  readonly tenant: string;
  readonly complete: boolean;
  readonly blake3: string;
  readonly spans: number;
  /** Undefined without an exported log, as in exports of version 0.1. */
  readonly log: Pick<ExportedLog, 'size_before'> | undefined;
  /** Undefined without exported work state. */
  readonly work: ExportedWork | undefined;
}

/** Path of an export's digest. */
export function digestFileOf(file: string): string {
  return `${file}.digest.json`;
}

/**
 * Reads the digest beside a file; undefined when there is none.
 * @throws OperatorError when it cannot be read
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

/** How the file differs from its digest; undefined when it matches. */
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

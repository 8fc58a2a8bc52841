import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { OperatorError, oneLine, systemErrorCode } from '../../local/operator-error';
import { WORK_KINDS } from '../../runtime/ledger/work-state';
import { explainProblem, type LedgerApi, member, textMember } from '../ledger-api';
import type { ExportedWork } from './digest';
import { hashFile, startHash } from './file-hash';

/** Path of an export's work state: one page of `/api/work/{tenant}` a line. */
export function workFileOf(file: string): string {
  return `${file}.work.ndjson`;
}

const MAX_FILE_BYTES = 512 * 1024 * 1024;
/** Statuses for a tenant that is not frozen, and for a ledger without the route. */
const STAYS: ReadonlySet<number> = new Set([404, 409]);

/**
 * Writes the work state of a frozen tenant beside its export; returns null for a tenant that is not frozen.
 * @param operator client of the operator
 * @throws OperatorError when the API refuses or the write fails
 */
export async function exportWork(
  operator: () => Promise<LedgerApi>,
  tenant: string,
  file: string,
): Promise<ExportedWork | null> {
  const path = workFileOf(file);
  const part = `${path}.part`;
  await rm(path, { force: true });
  const handle = await open(part, 'w', 0o600).catch((cause) => {
    throw new OperatorError(`cannot write ${part} (${oneLine(cause)})`, { cause });
  });
  try {
    const work = await writePages(operator, tenant, handle);
    if (work === null) return null;
    await handle.sync();
    await rename(part, path);
    return work;
  } finally {
    await handle.close();
    await rm(part, { force: true });
  }
}

async function writePages(
  operator: () => Promise<LedgerApi>,
  tenant: string,
  handle: FileHandle,
): Promise<ExportedWork | null> {
  const hash = await startHash();
  let pages = 0;
  for (const kind of WORK_KINDS) {
    for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
      const query = new URLSearchParams({ kind, ...(after === undefined ? {} : { after }) });
      const client = await operator();
      const answer = await client.request(`/api/work/${encodeURIComponent(tenant)}?${query}`);
      if (pages === 0 && STAYS.has(answer.status)) return null;
      if (answer.status !== 200)
        throw new OperatorError(`${client.url}/api/work answered ${explainProblem(answer)}`);
      const line = Buffer.from(`${JSON.stringify(answer.body)}\n`);
      hash.update(line);
      await handle.appendFile(line);
      pages += 1;
      after = textMember(answer.body, 'until');
    }
  }
  return { pages, blake3: hash.digest() };
}

/**
 * The pages of the work state beside an export.
 * @throws OperatorError when they cannot be read, or do not match the digest
 */
export async function workPagesOf(file: string, { blake3 }: ExportedWork): Promise<readonly object[]> {
  const path = workFileOf(file);
  const hash = await startHash();
  try {
    const bytes = await hashFile(path, hash);
    if (bytes > MAX_FILE_BYTES) throw new OperatorError(`${path} is larger than a work state can be`);
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause;
    const why =
      systemErrorCode(cause) === 'ENOENT' ? 'it is not there; keep it beside the export' : oneLine(cause);
    throw new OperatorError(`cannot read ${path} (${why})`, { cause });
  }
  if (hash.digest() !== blake3)
    throw new OperatorError(`${path} is not the one that the digest tells of; export again`);
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as object);
}

/** Kind of rows in a page; undefined when it has none. */
export function kindOf(page: object): string | undefined {
  return textMember(page, 'kind');
}

/** Number of rows in a page. */
export function rowsOf(page: object): number {
  const rows = member(page, 'rows');
  return Array.isArray(rows) ? rows.length : 0;
}

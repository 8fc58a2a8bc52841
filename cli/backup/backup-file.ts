import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { OperatorError } from '../../local/operator-error';
import { GzipFile, gunzipped, readFault } from './gzip-file';
import type { LedgerTable } from './ledger-tables';
import type { LockedKeys } from './locked-keys';

/**
 * First line of a backup. The file is gzipped NDJSON: the header; for each table a line that names it, then its rows, each
 * an array of PostgreSQL's text for each column; last the row counts and the SHA-256 of all lines before.
 */
export interface BackupHeader {
  readonly logline_backup: 1;
  readonly made_at: string;
  readonly migrations: readonly { readonly name: string; readonly sha256: string }[];
  /** Lower bound of new transaction ids: all stored ones are smaller. Decimal. */
  readonly next_tx_id: string;
  /** The key that signs, in hex. */
  readonly public_key: string;
  readonly keys?: LockedKeys;
}

/** The line before a table's rows. */
export interface TableLine extends Pick<LedgerTable, 'columns' | 'identity'> {
  readonly table: string;
  /** Last value of the identity column's sequence. */
  readonly sequence: string | null;
}

export type Row = readonly (string | null)[];

/** Last line of a backup: row counts by table and the checksum. */
export interface BackupEnd {
  readonly rows: Readonly<Record<string, number>>;
  readonly sha256: string;
}

/** What {@link readBackup} yields, in the order of the file. */
export type BackupPart =
  | { readonly kind: 'header'; readonly header: BackupHeader }
  | { readonly kind: 'table'; readonly table: TableLine }
  | { readonly kind: 'row'; readonly row: Row }
  | { readonly kind: 'end'; readonly end: BackupEnd };

/** Writes a backup, line by line. */
export class BackupWriter {
  readonly #file: GzipFile;
  readonly #hash = createHash('sha256');

  private constructor(file: GzipFile) {
    this.#file = file;
  }

  /** @throws OperatorError when the folder cannot be written */
  static async open(path: string): Promise<BackupWriter> {
    return new BackupWriter(await GzipFile.open(path));
  }

  /** Bytes written to the file so far. */
  get bytes(): number {
    return this.#file.bytes;
  }

  /** Appends lines, which count towards the checksum. */
  async add(...lines: readonly string[]): Promise<void> {
    const text = lines.map((line) => `${line}\n`).join('');
    this.#hash.update(text);
    await this.#file.push(text);
  }

  /** @param replace overwrite an existing file */
  async finish(rows: BackupEnd['rows'], replace: boolean): Promise<BackupEnd> {
    const end: BackupEnd = { rows, sha256: this.#hash.digest('hex') };
    await this.#file.push(`${JSON.stringify({ end })}\n`);
    await this.#file.finish(replace);
    return end;
  }

  /** Deletes the incomplete file. */
  discard(): Promise<void> {
    return this.#file.discard();
  }
}

/**
 * Reads a backup, one row in memory at a time. Yields the end only after the checksum over all lines holds.
 * @throws OperatorError when the file is no backup, truncated or changed
 */
export async function* readBackup(path: string): AsyncGenerator<BackupPart> {
  const hash = createHash('sha256');
  let isFirst = true;
  try {
    for await (const line of linesOf(path)) {
      const value: unknown = JSON.parse(line);
      if (isFirst) {
        isFirst = false;
        yield { kind: 'header', header: parseHeader(path, value) };
      } else if (isRow(value)) yield { kind: 'row', row: value };
      else if (isTable(value)) yield { kind: 'table', table: value };
      else if (isEnd(value)) {
        const { end } = value;
        if (end.sha256 !== hash.digest('hex'))
          throw new OperatorError(`${path} was changed: its lines are not those that were written`);
        yield { kind: 'end', end };
        return;
      } else throw new OperatorError(`${path} is damaged: a line is neither table nor row`);
      hash.update(line).update('\n');
    }
  } catch (cause) {
    throw readFault(path, cause);
  }
  throw new OperatorError(`${path} ends too early: it was not written to its end`);
}

function linesOf(path: string): AsyncGenerator<string> {
  return gunzipped(path, async function* (plain) {
    const lines = createInterface({ input: plain, crlfDelay: Number.POSITIVE_INFINITY });
    plain.once('close', () => lines.close());
    yield* lines;
  });
}

function parseHeader(path: string, value: unknown): BackupHeader {
  const header = value as Partial<BackupHeader> | null;
  if (typeof header !== 'object' || header?.logline_backup === undefined)
    throw new OperatorError(`${path} is no backup of LogLine`);
  if (header.logline_backup !== 1)
    throw new OperatorError(`${path} was written by a newer LogLine; restore it with that one`);
  const { migrations, next_tx_id, public_key } = header;
  const isWhole =
    Array.isArray(migrations) && /^\d+$/.test(String(next_tx_id)) && typeof public_key === 'string';
  if (!isWhole) throw new OperatorError(`${path} is damaged: its first line lacks members`);
  return header as BackupHeader;
}

function isRow(value: unknown): value is Row {
  return Array.isArray(value) && value.every((part) => part === null || typeof part === 'string');
}

function isTable(value: unknown): value is TableLine {
  if (typeof value !== 'object' || value === null || !('table' in value) || !('columns' in value))
    return false;
  return typeof value.table === 'string' && isRow(value.columns);
}

function isEnd(value: unknown): value is { readonly end: BackupEnd } {
  if (typeof value !== 'object' || value === null || !('end' in value)) return false;
  const end = value.end as Partial<BackupEnd> | null;
  return typeof end?.sha256 === 'string' && typeof end.rows === 'object';
}

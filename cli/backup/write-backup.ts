import type { Client } from 'pg';
import { connectAdmin } from '../../runtime/db/admin-client';
import type { DatabaseOptions } from '../../runtime/db/database-options';
import { type BackupEnd, type BackupHeader, BackupWriter, readBackup } from './backup-file';
import { cursorBatches } from './cursor-batches';
import { type LedgerTable, ledgerTables } from './ledger-tables';
import type { LockedKeys } from './locked-keys';
import { type StoredCheck, verifyStored } from './stored-spans';

/** Options of {@link writeBackup}. */
export interface WriteBackupOptions {
  /** Connection as role `logline_backup`, which row-level security lets read all rows. */
  readonly database: DatabaseOptions;
  readonly path: string;
  readonly replace: boolean;
  readonly publicKeyHex: string;
  readonly keys: LockedKeys | undefined;
  /** Called with a line of progress from time to time. */
  readonly onProgress: (text: string) => void;
}

/** Result of {@link writeBackup}. */
export interface WrittenBackup {
  readonly end: BackupEnd;
  readonly bytes: number;
  /** Faults of spans, a line each; the backup contains these spans unchanged. */
  readonly faults: readonly string[];
}

/** A backup's statements have no time limit. */
export const UNHURRIED = {
  statementTimeoutMs: 0,
  lockTimeoutMs: 60_000,
  idleInTransactionTimeoutMs: 0,
} as const;

/**
 * Writes all rows of one snapshot to a file, verifies every span of it, and reads the file back. The ledger keeps running.
 * @throws OperatorError when the file cannot be written or differs when read back
 */
export async function writeBackup(options: WriteBackupOptions): Promise<WrittenBackup> {
  const client = await connectAdmin({ ...options.database, ...UNHURRIED });
  const file = await BackupWriter.open(options.path);
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    await file.add(JSON.stringify(await headerOf(client, options)));
    const counts: Record<string, number> = {};
    for (const table of await ledgerTables(client)) {
      counts[table.name] = await writeTable(client, file, table, (rows) =>
        options.onProgress(`${table.name}: ${rows} rows`),
      );
    }
    const verified = await verifyStored(client, (spans) =>
      options.onProgress(`checking: ${spans} of ${counts['ledger.universal_registry']} spans`),
    );
    await client.query('ROLLBACK');
    const end = await file.finish(counts, options.replace);
    await readToItsEnd(options.path);
    return { end, bytes: file.bytes, faults: shownFaults(verified) };
  } catch (error) {
    await file.discard();
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A line for each fault that was kept, and one with the number of others. */
export function shownFaults({ report, faults }: StoredCheck): readonly string[] {
  const shown = faults.map(({ detail, id, seq }) => `span ${id} version ${seq}: ${detail}`);
  const more = report.faults - shown.length;
  return more > 0 ? [...shown, `and ${more} more`] : shown;
}

async function headerOf(client: Client, { publicKeyHex, keys }: WriteBackupOptions): Promise<BackupHeader> {
  const { rows: migrations } = await client.query<{ name: string; sha256: string }>(
    'SELECT name, sha256 FROM app.migration_checksum ORDER BY name',
  );
  const { rows } = await client.query<{ next: string }>(
    'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next',
  );
  return {
    logline_backup: 1,
    made_at: new Date().toISOString(),
    migrations,
    next_tx_id: rows[0]?.next ?? '0',
    public_key: publicKeyHex,
    ...(keys === undefined ? {} : { keys }),
  };
}

async function writeTable(
  client: Client,
  file: BackupWriter,
  { name, columns, identity }: LedgerTable,
  onRows: (rows: number) => void,
): Promise<number> {
  const sequence = identity === null ? null : await lastNumber(client, name, identity);
  await file.add(JSON.stringify({ table: name, columns, identity, sequence }));
  const values = columns.map((column) => `"${column}"::text`).join(', ');
  // In feed order, so that restored rows lie on disk in that order.
  const order = name === 'ledger.universal_registry' ? 'ORDER BY tx_id, ordinal' : '';
  const query = `SELECT json_build_array(${values})::text AS line FROM ${name} ${order}`;
  let count = 0;
  for await (const rows of cursorBatches<{ line: string }>(client, query, ({ line }) => line.length)) {
    await file.add(...rows.map(({ line }) => line));
    count += rows.length;
    onRows(count);
  }
  return count;
}

async function lastNumber(client: Client, table: string, column: string): Promise<string | null> {
  const { rows } = await client.query<{ name: string }>('SELECT pg_get_serial_sequence($1, $2) AS name', [
    table,
    column,
  ]);
  const { rows: state } = await client.query<{ last: string; used: boolean }>(
    `SELECT last_value::text AS last, is_called AS used FROM ${rows[0]?.name}`,
  );
  return state[0]?.used === true ? state[0].last : null;
}

async function readToItsEnd(path: string): Promise<void> {
  for await (const _ of readBackup(path));
}

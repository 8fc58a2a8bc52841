import { connectAdmin } from '../../runtime/db/admin-client';
import type { DatabaseOptions } from '../../runtime/db/database-options';
import { type BaseBackupEnd, BaseBackupWriter, readBaseBackup } from './base-backup-file';
import { baseBackupOf } from './base-backup-stream';
import { countRows, ledgerTables } from './ledger-tables';
import { verifyStored } from './stored-spans';
import { readTar } from './tar';
import { shownFaults, UNHURRIED, type WriteBackupOptions } from './write-backup';

/** Options of {@link writeBaseBackup}. */
export interface WriteBaseBackupOptions extends WriteBackupOptions {
  /** Connection as a role with REPLICATION. */
  readonly replication: DatabaseOptions;
  /** Whether the server is LogLine's embedded one. */
  readonly isEmbedded: boolean;
}

/** Result of {@link writeBaseBackup}. */
export interface WrittenBaseBackup {
  readonly end: BaseBackupEnd;
  readonly bytes: number;
  /** Faults of spans, a line each; the backup contains these spans unchanged. */
  readonly faults: readonly string[];
}

const MIB = 1024 * 1024;

/**
 * Writes the server's data folder to a file, verifies every span of the ledger, and reads the file back. The ledger keeps
 * running; a restore recovers to the end of the copy.
 * @throws OperatorError when the role lacks the right, or the file cannot be written or differs when read back
 */
export async function writeBaseBackup(options: WriteBaseBackupOptions): Promise<WrittenBaseBackup> {
  const { publicKeyHex, keys, onProgress } = options;
  const client = await connectAdmin({ ...options.database, ...UNHURRIED });
  let file: BaseBackupWriter | undefined;
  try {
    const { rows } = await client.query<{ major: number }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS major`,
    );
    file = await BaseBackupWriter.open(options.path, {
      logline_base_backup: 1,
      made_at: new Date().toISOString(),
      postgres_major: rows[0]?.major ?? 0,
      is_embedded: options.isEmbedded,
      public_key: publicKeyHex,
      ...(keys === undefined ? {} : { keys }),
    });
    const tables = (await ledgerTables(client)).filter(({ name }) => name.startsWith('ledger.'));
    const before = await countRows(client, tables);
    let read = 0;
    for await (const entry of readTar(baseBackupOf(options.replication))) {
      await file.add(entry);
      read += entry.header.size;
      onProgress(`copying: ${Math.floor(read / MIB)} MiB`);
    }
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    const after = await countRows(client, tables);
    const verified = await verifyStored(client, (spans) =>
      onProgress(`checking: ${spans} of ${after['ledger.universal_registry']} spans`),
    );
    await client.query('ROLLBACK');
    const end = await file.finish({ rows_before: before, rows_after: after }, options.replace);
    for await (const _ of readBaseBackup(options.path));
    return { end, bytes: file.bytes, faults: shownFaults(verified) };
  } catch (error) {
    await file?.discard();
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

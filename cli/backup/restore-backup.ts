import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Client } from 'pg';
import { OperatorError } from '../../local/operator-error';
import { connectAdmin } from '../../runtime/db/admin-client';
import type { DatabaseOptions } from '../../runtime/db/database-options';
import { migrate } from '../../runtime/db/migrate';
import { migrationFiles } from '../../runtime/db/migration-files';
import { moveCounter } from '../../runtime/db/move-counter';
import type { RolePasswords } from '../../runtime/db/roles';
import { sqlFolder } from '../../runtime/db/sql-folder';
import { beginEpoch } from '../../runtime/proofs/begin-epoch';
import type { GuardRecord } from '../../runtime/proofs/rollback-guard';
import {
  type BackupEnd,
  type BackupHeader,
  type BackupPart,
  type Row,
  readBackup,
  type TableLine,
} from './backup-file';
import { type LedgerTable, ledgerTables } from './ledger-tables';
import { UNHURRIED } from './write-backup';

/** Options of {@link restoreBackup}. */
export interface RestoreBackupOptions {
  /** Connection as the owner of the schema, to a database without a ledger. */
  readonly admin: DatabaseOptions;
  readonly passwords: RolePasswords;
  readonly rolePrefix: string;
  /** See {@link MigrateOptions.sharesRoles}. */
  readonly sharesRoles?: boolean;
  readonly path: string;
  /** The rollback guard's record; see {@link beginEpoch}. */
  readonly guard?: GuardRecord | undefined;
  readonly onProgress: (text: string) => void;
}

/** Size of a batch of rows in characters. */
const BATCH_CHARS = 4 * 1024 * 1024;
const BATCH_ROWS = 2_000;

/**
 * Restores a backup into an empty database: the migrations of the backup, its rows in one transaction, then later
 * migrations. First the server's transaction counter moves above every stored id. The feed begins a new epoch, so that
 * kept cursors continue from the last surviving span.
 * @throws OperatorError when the database is not empty, or the file is truncated, changed or of a newer LogLine
 */
export async function restoreBackup(options: RestoreBackupOptions): Promise<BackupEnd> {
  const parts = readBackup(options.path);
  const first = (await parts.next()).value as BackupPart;
  if (first?.kind !== 'header') throw new OperatorError(`${options.path} is no backup of LogLine`);
  const unhurried = { ...options.admin, ...UNHURRIED };
  const client = await connectAdmin(unhurried);
  try {
    await refuseLedger(client);
    await migrateTo(first.header, options);
    options.onProgress('moving the transaction counter');
    await moveCounter(client, BigInt(first.header.next_tx_id), (left) =>
      options.onProgress(`moving the transaction counter: ${left} ids, about ${left / 190_000n} s left`),
    );
    await client.query('BEGIN');
    const end = await load(client, parts, options.onProgress);
    await client.query('COMMIT');
    await migrate({ ...withPasswords(options), admin: unhurried });
    await beginEpoch(client, options.guard);
    await client.query('ANALYZE');
    return end;
  } finally {
    await client.end().catch(() => undefined);
    await parts.return(undefined);
  }
}

async function refuseLedger(client: Client): Promise<void> {
  const { rows } = await client.query<{ found: string | null }>(
    "SELECT to_regclass('ledger.universal_registry')::text AS found",
  );
  if (rows[0]?.found == null) return;
  throw new OperatorError(
    'the database holds a ledger already; restore into an empty one, or omit the file if this database was restored by other means',
  );
}

/** Applies the backup's own migrations and no later one, so that its rows fit the tables. */
async function migrateTo({ migrations }: BackupHeader, options: RestoreBackupOptions): Promise<void> {
  const known = new Map(migrationFiles(sqlFolder()).map((file) => [file.name, file]));
  const strange = migrations.filter(({ name, sha256 }) => known.get(name)?.sha256 !== sha256);
  if (strange[0] !== undefined) {
    throw new OperatorError(
      `the backup was made by another version of LogLine: this one has no migration ${strange[0].name} like that; restore it with the version that made it, or a newer one`,
    );
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'logline-migrations-'));
  try {
    for (const { name } of migrations) {
      await copyFile(path.join(sqlFolder(), `${name}.sql`), path.join(folder, `${name}.sql`));
    }
    options.onProgress(`applying ${migrations.length} migrations`);
    await migrate({ ...withPasswords(options), admin: { ...options.admin, ...UNHURRIED }, folder });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function withPasswords({ passwords, rolePrefix, sharesRoles }: RestoreBackupOptions) {
  return { passwords, rolePrefix, ...(sharesRoles === undefined ? {} : { sharesRoles }) };
}

async function load(
  client: Client,
  parts: AsyncIterable<BackupPart>,
  onProgress: (text: string) => void,
): Promise<BackupEnd> {
  const tables = new Map((await ledgerTables(client)).map((table) => [table.name, table]));
  const closing = await open(client, [...tables.keys()]);
  const counts: Record<string, number> = {};
  let loader: Loader | undefined;
  for await (const part of parts) {
    if (part.kind === 'row') await loader?.add(part.row);
    if (part.kind === 'row' || part.kind === 'header') continue;
    await loader?.finish();
    if (part.kind === 'end') {
      compare(part.end.rows, counts);
      for (const change of closing) await client.query(`ALTER TABLE ${change}`);
      return part.end;
    }
    const table = tables.get(part.table.table);
    if (table === undefined || !sameColumns(table, part.table)) {
      throw new OperatorError(`the backup's table ${part.table.table} is not one of its migrations`);
    }
    const { name } = table;
    loader = new Loader(client, table, part.table, (rows) => {
      counts[name] = rows;
      onProgress(`${name}: ${rows} rows`);
    });
    await loader.begin();
  }
  throw new OperatorError('the backup has no end');
}

function sameColumns(table: LedgerTable, { columns }: TableLine): boolean {
  return (
    table.columns.length === columns.length && table.columns.every((name, index) => name === columns[index])
  );
}

function compare(expected: Readonly<Record<string, number>>, found: Readonly<Record<string, number>>): void {
  const other = Object.keys(expected).filter((name) => expected[name] !== (found[name] ?? 0));
  if (other.length > 0) throw new OperatorError(`rows are missing in the backup: ${other.join(', ')}`);
}

/**
 * Lifts row-level security and triggers for the transaction, so that the owner can write rows unchanged. Nobody else sees
 * the tables meanwhile, since this locks them.
 * @returns statements that put every table back
 */
async function open(client: Client, tables: readonly string[]): Promise<readonly string[]> {
  const { rows } = await client.query<{ forced: string[]; always: string[] }>(
    `SELECT array(SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname IN ('ledger', 'app') AND c.relforcerowsecurity) AS forced,
            array(SELECT format('%s ENABLE ALWAYS TRIGGER %I', t.tgrelid::regclass, t.tgname)
                    FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgenabled = 'A') AS always`,
  );
  const closing = [
    ...tables.map((table) => `${table} ENABLE TRIGGER USER`),
    ...(rows[0]?.always ?? []),
    ...(rows[0]?.forced ?? []).map((table) => `${table} FORCE ROW LEVEL SECURITY`),
  ];
  for (const table of tables) {
    await client.query(`ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY, DISABLE TRIGGER USER`);
    // The backup also holds rows that migrations insert, such as the first epoch of the feed.
    await client.query(`DELETE FROM ${table}`);
  }
  return closing;
}

/** Inserts the rows of one table in batches. */
class Loader {
  readonly #client: Client;
  readonly #table: LedgerTable;
  readonly #line: TableLine;
  readonly #onRows: (rows: number) => void;
  readonly #insert: string;
  #waiting: Row[] = [];
  #chars = 0;
  #rows = 0;

  constructor(client: Client, table: LedgerTable, line: TableLine, onRows: (rows: number) => void) {
    this.#client = client;
    this.#table = table;
    this.#line = line;
    this.#onRows = onRows;
    const { name, columns, types } = table;
    const values = columns.map((_, index) => `v${index}`);
    this.#insert = `INSERT INTO ${name} (${columns.map((column) => `"${column}"`).join(', ')}) OVERRIDING SYSTEM VALUE
      SELECT ${values.map((value, index) => `${value}::${types[index]}`).join(', ')}
        FROM unnest(${values.map((_, index) => `$${index + 1}::text[]`).join(', ')}) AS row (${values.join(', ')})`;
  }

  async begin(): Promise<void> {
    const { identity, sequence } = this.#line;
    if (identity === null || sequence === null) return;
    await this.#client.query('SELECT setval(pg_get_serial_sequence($1, $2), $3::bigint)', [
      this.#table.name,
      identity,
      sequence,
    ]);
  }

  async add(row: Row): Promise<void> {
    if (row.length !== this.#table.columns.length) {
      throw new OperatorError(
        `the backup is damaged: a row of ${this.#table.name} has ${row.length} columns`,
      );
    }
    this.#waiting.push(row);
    for (const value of row) this.#chars += value?.length ?? 0;
    if (this.#chars >= BATCH_CHARS || this.#waiting.length >= BATCH_ROWS) await this.finish();
  }

  async finish(): Promise<void> {
    if (this.#waiting.length > 0) {
      const columns = this.#table.columns.map((_, index) => this.#waiting.map((row) => row[index] ?? null));
      await this.#client.query(this.#insert, columns);
      this.#rows += this.#waiting.length;
      this.#waiting = [];
      this.#chars = 0;
    }
    this.#onRows(this.#rows);
  }
}

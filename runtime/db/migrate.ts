import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { type Migration, type MigrationResult, Migrator } from 'kysely/migration';
import { Client, escapeLiteral, Pool } from 'pg';
import { ConfigurationError } from '../base/errors';
import { asRole, type DatabaseOptions } from './database-options';
import { clientConfig } from './pool';
import { sqlFolder } from './sql-folder';

/** Any constant works, as long as every version of LogLine uses the same. */
const MIGRATION_LOCK = 4_207_849_201;

/** One file of `sql/`. */
export interface MigrationFile {
  /** File name without `.sql`; its six digits give the order. */
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
}

export interface MigrateOptions {
  /** How to reach the database as the owner of the schema. */
  readonly admin: DatabaseOptions;
  /** Password that `logline_app` gets, when it cannot log in with it already. Left alone when absent. */
  readonly appPassword?: string;
  /** Defaults to the `sql/` this program came with. */
  readonly folder?: string;
  /** Told of each migration as it is applied, and of a wait for another instance. */
  readonly onProgress?: (line: string) => void;
}

export interface MigrationStatus {
  readonly name: string;
  readonly applied: boolean;
  /** The file is not the one that was applied. */
  readonly edited: boolean;
}

/**
 * Brings the schema up to date. Several instances may call this at once: one works, the others wait and
 * find nothing to do. Each run is one transaction, so a failed migration leaves nothing half-done.
 * @returns the names applied by this call.
 * @throws ConfigurationError when a migration was edited after it landed, is missing, or fails.
 */
export async function migrate(options: MigrateOptions): Promise<readonly string[]> {
  const config = {
    ...clientConfig({ ...options.admin, statementTimeoutMs: 0, lockTimeoutMs: 60_000 }),
    pipeline: false,
  };
  const lock = withoutCrash(new Client(config));
  await lock.connect();
  const pool = withoutCrash(new Pool({ ...config, max: 2 }));
  try {
    await waitForTurn(lock, options.onProgress);
    const applied = await applyAll(pool, migrationFiles(options.folder ?? sqlFolder()));
    for (const name of applied) options.onProgress?.(`applied migration ${name}`);
    if (options.appPassword !== undefined) await setAppPassword(lock, options.admin, options.appPassword);
    return applied;
  } finally {
    await pool.end();
    await lock.end();
  }
}

/**
 * Gives the planner statistics of the ledger, as its owner; call it once the seeds are planted. Without any, a fresh
 * database scans an audience where one look-up by id would do (measured at 4,000 rows: 1.6 ms against 0.006 ms), until
 * autovacuum comes round.
 */
export async function analyzeLedger(admin: DatabaseOptions): Promise<void> {
  const client = withoutCrash(new Client({ ...clientConfig(admin), pipeline: false }));
  await client.connect();
  try {
    await client.query('ANALYZE ledger.universal_registry');
  } finally {
    await client.end();
  }
}

/** Which migrations of this program a database has. Reads only. */
export async function migrationStatus(
  admin: DatabaseOptions,
  folder?: string,
): Promise<readonly MigrationStatus[]> {
  const client = withoutCrash(new Client({ ...clientConfig(admin), pipeline: false }));
  await client.connect();
  try {
    const known = await appliedChecksums((text) => client.query(text));
    return migrationFiles(folder ?? sqlFolder()).map(({ name, sha256 }) => ({
      name,
      applied: known.has(name),
      edited: known.has(name) && known.get(name) !== sha256,
    }));
  } finally {
    await client.end();
  }
}

/** The migrations in a folder, in order. */
export function migrationFiles(folder: string): readonly MigrationFile[] {
  return readdirSync(folder)
    .filter((file) => /^\d{6}_[a-z0-9_]+\.sql$/.test(file))
    .sort()
    .map((file) => {
      const text = readFileSync(join(folder, file), 'utf8');
      return {
        name: file.replace(/\.sql$/, ''),
        text,
        sha256: createHash('sha256').update(text).digest('hex'),
      };
    });
}

async function waitForTurn(lock: Client, onProgress?: (line: string) => void): Promise<void> {
  const { rows } = await lock.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
    MIGRATION_LOCK,
  ]);
  if (rows[0]?.locked === true) return;
  onProgress?.('another instance is migrating; waiting for it');
  await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
}

async function applyAll(pool: Pool, files: readonly MigrationFile[]): Promise<readonly string[]> {
  await pool.query(`
    CREATE SCHEMA IF NOT EXISTS app;
    CREATE TABLE IF NOT EXISTS app.migration_checksum (
      name text PRIMARY KEY, sha256 text NOT NULL, at timestamptz NOT NULL DEFAULT now());`);
  refuseEdited(files, await appliedChecksums((text) => pool.query(text)));

  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  const migrator = new Migrator({
    db,
    migrationTableSchema: 'app',
    provider: {
      getMigrations: async () => Object.fromEntries(files.map((file) => [file.name, asMigration(file)])),
    },
  });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) throw migrationFailure(error, results);
  return results.map((result) => result.migrationName);
}

function asMigration({ name, text, sha256 }: MigrationFile): Migration {
  return {
    async up(db) {
      await sql.raw(text).execute(db);
      await sql`INSERT INTO app.migration_checksum (name, sha256) VALUES (${name}, ${sha256})`.execute(db);
    },
  };
}

async function appliedChecksums(
  query: (text: string) => Promise<{ rows: { name: string; sha256: string }[] }>,
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await query(`SELECT to_regclass('app.migration_checksum')::text AS name, '' AS sha256`);
  if (rows[0]?.name == null) return new Map();
  const applied = await query('SELECT name, sha256 FROM app.migration_checksum');
  return new Map(applied.rows.map((row) => [row.name, row.sha256]));
}

function refuseEdited(files: readonly MigrationFile[], known: ReadonlyMap<string, string>): void {
  const edited = files.filter((file) => known.has(file.name) && known.get(file.name) !== file.sha256);
  if (edited.length === 0) return;
  const names = edited.map((file) => `sql/${file.name}.sql`).join(', ');
  throw new ConfigurationError(
    `${names} was edited after it was applied. Restore the file and put the change into a new migration.`,
  );
}

function migrationFailure(error: unknown, results: readonly MigrationResult[]): ConfigurationError {
  const failed = results.find((result) => result.status === 'Error')?.migrationName;
  const why = error instanceof Error ? error.message : String(error);
  const where = failed === undefined ? 'The migration could not run' : `Migration sql/${failed}.sql failed`;
  return new ConfigurationError(`${where}: ${why}. Nothing of this run was kept.`, { cause: error });
}

/** Changing a role's password locks its catalogue row, so it is done only when the password does not hold. */
async function setAppPassword(admin: Client, options: DatabaseOptions, password: string): Promise<void> {
  const app = withoutCrash(
    new Client({ ...clientConfig(asRole(options, 'logline_app', password)), pipeline: false }),
  );
  try {
    await app.connect();
    return;
  } catch {
    await admin.query(`ALTER ROLE logline_app LOGIN PASSWORD ${escapeLiteral(password)}`);
  } finally {
    await app.end().catch(() => undefined);
  }
}

/** A connection that breaks between two statements must not end the process: the next statement says so. */
function withoutCrash<T extends { on(event: 'error', listener: () => void): unknown }>(connection: T): T {
  connection.on('error', () => undefined);
  return connection;
}

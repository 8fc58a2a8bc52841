import { setTimeout } from 'node:timers/promises';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { type Migration, type MigrationResult, Migrator } from 'kysely/migration';
import { type Client, Pool } from 'pg';
import { ConfigurationError } from '../base/errors';
import { connectAdmin, withoutCrash } from './admin-client';
import type { DatabaseOptions } from './database-options';
import { claimRoles, ensureRoles, refuseForeignRoles } from './ensure-roles';
import { ensureFeedIndex } from './feed-index';
import { type MigrationFile, migrationFiles } from './migration-files';
import { clientConfig } from './pool';
import { setPasswords } from './role-password';
import { DEFAULT_ROLE_PREFIX, type RolePasswords, withRolePrefix } from './roles';
import { sqlFolder } from './sql-folder';

/** Any constant works, as long as every version of LogLine uses the same. */
const MIGRATION_LOCK = 4_207_849_201;

/** Interval and total time of trying for the migration lock. */
const WAIT_MS = 100;
const MAX_WAIT_MS = 3_600_000;

/** Which database {@link migrate} works on, and with which roles. */
export interface MigrateOptions {
  /** Connects as the owner of the schema. */
  readonly admin: DatabaseOptions;
  /** Passwords of the roles; set on those that cannot log in with them yet. Defaults to none. */
  readonly passwords?: RolePasswords;
  /** Prefix of the roles' names. Defaults to `logline`. */
  readonly rolePrefix?: string;
  /** Allows several ledgers of the server to share roles and passwords, as tests do. Defaults to false. */
  readonly sharesRoles?: boolean;
  /** Folder of migrations. Defaults to this program's `sql/`. */
  readonly folder?: string;
  /** Receives a line for each migration applied, and for a wait for another instance. */
  readonly onProgress?: (line: string) => void;
}

/** Whether one migration is applied to a database. */
export interface MigrationStatus {
  readonly name: string;
  readonly applied: boolean;
  /** The file has changed since it was applied. */
  readonly edited: boolean;
}

/**
 * Brings the schema up to date. Several instances may call this concurrently: one works, the others wait and then find
 * nothing to do. All migrations of a run are one transaction, so a failed one leaves nothing behind.
 * @returns the names of the migrations applied by this call
 * @throws ConfigurationError when a migration was edited after it was applied, is missing or fails; when the database
 *   is newer than this program or the server's version is not supported; or for roles, see {@link ensureRoles}
 */
export async function migrate(options: MigrateOptions): Promise<readonly string[]> {
  // A migration may take long.
  const untimed = { ...options.admin, answerTimeoutMs: 0 };
  const lock = await connectAdmin(untimed);
  const pool = withoutCrash(new Pool({ ...clientConfig(untimed), pipeline: false, max: 2 }));
  const { rolePrefix = DEFAULT_ROLE_PREFIX, passwords = {}, onProgress } = options;
  const claims = options.sharesRoles !== true && Object.keys(passwords).length > 0;
  try {
    await refuseOtherServers(lock);
    await waitForTurn(lock, onProgress);
    if (claims) await refuseForeignRoles(pool, rolePrefix);
    await ensureRoles(pool, rolePrefix, onProgress);
    const applied = await applyAll(pool, migrationFiles(options.folder ?? sqlFolder()), rolePrefix);
    for (const name of applied) onProgress?.(`applied migration ${name}`);
    if (options.folder === undefined) await ensureFeedIndex(pool, onProgress);
    await setPasswords(pool, options.admin, rolePrefix, passwords);
    if (claims) await claimRoles(pool, rolePrefix);
    return applied;
  } finally {
    await pool.end();
    await lock.end();
  }
}

/** The migrations of this program and whether a database has them. Read-only. */
export async function migrationStatus(
  admin: DatabaseOptions,
  folder?: string,
): Promise<readonly MigrationStatus[]> {
  const client = await connectAdmin(admin);
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

/** PostgreSQL major versions that the ledger is tested on. */
const OLDEST_SERVER = 15;
const NEWEST_SERVER = 18;

async function refuseOtherServers(client: Client): Promise<void> {
  const { rows } = await client.query<{ number: number; name: string }>(
    "SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS name",
  );
  const major = Math.floor((rows[0]?.number ?? 0) / 10_000);
  if (major >= OLDEST_SERVER && major <= NEWEST_SERVER) return;
  throw new ConfigurationError(
    `This server is PostgreSQL ${rows[0]?.name}; LogLine needs ${OLDEST_SERVER} to ${NEWEST_SERVER}.`,
  );
}

/**
 * Takes the migration lock. A transaction-level lock, since a pooler in transaction mode would hand a session-level one
 * to another client. Polled by simple queries: a session that waits within a statement holds a snapshot, for which a
 * concurrent index build would wait forever.
 */
async function waitForTurn(lock: Client, onProgress?: (line: string) => void): Promise<void> {
  await lock.query('BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0');
  for (let waitedMs = 0; waitedMs < MAX_WAIT_MS; waitedMs += WAIT_MS) {
    const { rows } = await lock.query<{ locked: boolean }>(
      `SELECT pg_try_advisory_xact_lock(${MIGRATION_LOCK}) AS locked`,
    );
    if (rows[0]?.locked === true) return;
    if (waitedMs === 0) onProgress?.('another instance is migrating; waiting for it');
    await setTimeout(WAIT_MS);
  }
  throw new ConfigurationError(
    'Another instance has been migrating for an hour; check what it does, then try again.',
  );
}

async function applyAll(
  pool: Pool,
  files: readonly MigrationFile[],
  rolePrefix: string,
): Promise<readonly string[]> {
  await pool.query(`
    CREATE SCHEMA IF NOT EXISTS app;
    CREATE TABLE IF NOT EXISTS app.migration_checksum (
      name text PRIMARY KEY, sha256 text NOT NULL, at timestamptz NOT NULL DEFAULT now());`);
  const applied = await appliedChecksums((text) => pool.query(text));
  refuseNewer(files, applied);
  refuseEdited(files, applied);

  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  const migrator = new Migrator({
    db,
    migrationTableSchema: 'app',
    provider: {
      getMigrations: async () =>
        Object.fromEntries(files.map((file) => [file.name, asMigration(file, rolePrefix)])),
    },
  });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) throw migrationFailure(error, results);
  return results.map((result) => result.migrationName);
}

function asMigration({ name, text, sha256 }: MigrationFile, rolePrefix: string): Migration {
  return {
    async up(db) {
      await sql`SET LOCAL statement_timeout = 0`.execute(db);
      await sql`SET LOCAL lock_timeout = '60s'`.execute(db);
      await sql`SET LOCAL idle_in_transaction_session_timeout = 0`.execute(db);
      await sql.raw(withRolePrefix(withoutRoleCreation(text), rolePrefix)).execute(db);
      await sql`INSERT INTO app.migration_checksum (name, sha256) VALUES (${name}, ${sha256})`.execute(db);
    },
  };
}

/**
 * Removes CREATE ROLE from the first migration: the role exists by now, and PostgreSQL refuses the statement to an
 * owner without CREATEROLE even in a branch that is not taken.
 */
function withoutRoleCreation(text: string): string {
  return text.replace(/\bCREATE ROLE logline_app [A-Z ]+;/, 'NULL;');
}

async function appliedChecksums(
  query: (text: string) => Promise<{ rows: { name: string; sha256: string }[] }>,
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await query(`SELECT to_regclass('app.migration_checksum')::text AS name, '' AS sha256`);
  if (rows[0]?.name == null) return new Map();
  const applied = await query('SELECT name, sha256 FROM app.migration_checksum');
  return new Map(applied.rows.map((row) => [row.name, row.sha256]));
}

/** @throws ConfigurationError when a later version of this program migrated the database. */
function refuseNewer(files: readonly MigrationFile[], known: ReadonlyMap<string, string>): void {
  const last = files.at(-1)?.name ?? '';
  const newer = [...known.keys()].filter((name) => name > last).sort();
  if (newer.length === 0) return;
  throw new ConfigurationError(
    `The database is newer than this program: it has migrations up to ${newer.at(-1)}, this LogLine ends with ${last}. Run the version of LogLine that migrated it, or a later one; migrations cannot be undone.`,
  );
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

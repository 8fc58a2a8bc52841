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

/** How often, and how long, an instance asks whether it is its turn. */
const WAIT_MS = 100;
const MAX_WAIT_MS = 3_600_000;

export interface MigrateOptions {
  /** How to reach the database as the owner of the schema. */
  readonly admin: DatabaseOptions;
  /** Passwords that the roles get, those that cannot log in with them already. The others are left alone. */
  readonly passwords?: RolePasswords;
  /** What the roles' names begin with. Defaults to `logline`. */
  readonly rolePrefix?: string;
  /** Several ledgers of the server live by the same roles and passwords, as tests do. Defaults to false: refused. */
  readonly sharesRoles?: boolean;
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
  // No time limits of the session: a pooler would refuse them. A long migration is awaited.
  const unhurried = { ...options.admin, answerTimeoutMs: 0 };
  const lock = await connectAdmin(unhurried);
  const pool = withoutCrash(new Pool({ ...clientConfig(unhurried), pipeline: false, max: 2 }));
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

/** Which migrations of this program a database has. Reads only. */
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

/** Major versions that the ledger is tested on. */
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
 * The lock is the transaction's, since a pooler in transaction mode would hand a session's to somebody else. Asked for
 * again and again, by simple queries: whoever waited in a statement, or had a portal open, would hold a snapshot, and an
 * index that is built concurrently would wait for it in vain.
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
    'Another instance has been migrating for an hour; see what it does, then try again.',
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
 * The first migration makes `logline_app` if need be. By now it is there, and an owner who may not make roles is
 * refused even so.
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

/** The database was migrated by a later version of this program, which this one knows nothing of. */
function refuseNewer(files: readonly MigrationFile[], known: ReadonlyMap<string, string>): void {
  const last = files.at(-1)?.name ?? '';
  const newer = [...known.keys()].filter((name) => name > last).sort();
  if (newer.length === 0) return;
  throw new ConfigurationError(
    `The database is newer than this program: it has migrations up to ${newer.at(-1)}, this LogLine ends with ${last}. Run the version of LogLine that migrated it, or a later one; there is no way back.`,
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

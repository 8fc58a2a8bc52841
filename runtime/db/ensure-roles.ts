import { DatabaseError, escapeIdentifier, escapeLiteral, type Pool } from 'pg';
import { ConfigurationError } from '../base/errors';
import { connectionLimit, ROLE_KEYS, ROLES, type RoleKey, roleName } from './roles';

export const INSUFFICIENT_PRIVILEGE = '42501';
/** Another session created the role concurrently: duplicate_object, unique_violation. */
const CREATED_CONCURRENTLY: ReadonlySet<string> = new Set(['42710', '23505']);
/** internal_error: another session changed the role concurrently. */
const CHANGED_CONCURRENTLY = 'XX000';

export const ROLE_ATTRIBUTES =
  'LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS' as const;

interface RoleState {
  readonly name: string;
  readonly exceeds: boolean;
  readonly limit: number;
  readonly settings: ReadonlyMap<string, string>;
}

/**
 * Creates missing roles and gives each its connection limit and settings. Changes only what differs, so that an owner
 * without CREATEROLE can start a ledger whose roles were created beforehand.
 * @throws ConfigurationError when a role is missing and the owner may not create it, or is superuser or has BYPASSRLS
 */
export async function ensureRoles(
  pool: Pool,
  prefix: string,
  onProgress?: (line: string) => void,
): Promise<void> {
  const { rows } = await pool.query<{ max: number }>("SELECT current_setting('max_connections')::int AS max");
  const maxConnections = rows[0]?.max ?? 100;
  for (const key of ROLE_KEYS) {
    const name = roleName(key, prefix);
    const before = await readRole(pool, name);
    if (before === undefined) await createRole(pool, name);
    const state = before ?? (await readRole(pool, name));
    if (state?.exceeds) {
      throw new ConfigurationError(
        `Role ${name} is superuser or has BYPASSRLS; take that from it and migrate again.`,
      );
    }
    for (const change of changesOf(key, name, state, maxConnections)) {
      await changeRole(pool, change, onProgress);
    }
  }
}

async function readRole(pool: Pool, name: string): Promise<RoleState | undefined> {
  const { rows } = await pool.query<{ exceeds: boolean; limit: number; settings: string[] | null }>(
    `SELECT r.rolsuper OR r.rolbypassrls AS exceeds, r.rolconnlimit AS limit, s.setconfig AS settings
       FROM pg_roles r LEFT JOIN pg_db_role_setting s ON s.setrole = r.oid AND s.setdatabase = 0
      WHERE r.rolname = $1`,
    [name],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const settings = (row.settings ?? []).map((entry): [string, string] => {
    const [setting = '', ...value] = entry.split('=');
    return [setting.toLowerCase(), value.join('=')];
  });
  return { name, exceeds: row.exceeds, limit: row.limit, settings: new Map(settings) };
}

async function createRole(pool: Pool, name: string): Promise<void> {
  try {
    await pool.query(`CREATE ROLE ${escapeIdentifier(name)} ${ROLE_ATTRIBUTES}`);
  } catch (error) {
    const code = codeOf(error);
    if (code === INSUFFICIENT_PRIVILEGE) {
      throw new ConfigurationError(
        `Role ${name} is missing and this owner may not make it: give the owner CREATEROLE, or run what npx logline roles --print prints as a superuser of this database.`,
        { cause: error },
      );
    }
    if (code === undefined || !CREATED_CONCURRENTLY.has(code)) throw error;
  }
}

/** Statements that bring a role to the state of {@link ROLES}. */
function changesOf(
  key: RoleKey,
  name: string,
  state: RoleState | undefined,
  maxConnections: number,
): readonly string[] {
  const role = escapeIdentifier(name);
  const limit = connectionLimit(key, maxConnections);
  const settings = Object.entries(ROLES[key].settings)
    .filter(([setting, value]) => state?.settings.get(setting.toLowerCase()) !== value)
    .map(([setting, value]) => settingStatement(role, setting, value));
  return [...(state?.limit === limit ? [] : [`ALTER ROLE ${role} CONNECTION LIMIT ${limit}`]), ...settings];
}

/** The statement that sets a role's setting. @param role its escaped name */
export function settingStatement(role: string, setting: string, value: string): string {
  return `ALTER ROLE ${role} SET ${setting} = ${escapeLiteral(value)}`;
}

async function changeRole(pool: Pool, change: string, onProgress?: (line: string) => void): Promise<void> {
  try {
    await pool.query(change);
  } catch (error) {
    const code = codeOf(error);
    if (code === CHANGED_CONCURRENTLY) return;
    if (code !== INSUFFICIENT_PRIVILEGE) throw error;
    onProgress?.(`this owner may not: ${change}; what npx logline roles --print prints does it`);
  }
}

/**
 * Refuses roles that belong to the ledger of another database of this server, which would stop working once their
 * passwords are replaced. The comment of Stage-0's role names its database.
 * @throws ConfigurationError naming that database
 */
export async function refuseForeignRoles(pool: Pool, prefix: string): Promise<void> {
  const { rows } = await pool.query<{ other: string }>(
    `SELECT d.datname AS other
       FROM pg_roles r
       JOIN pg_database d ON shobj_description(r.oid, 'pg_authid') = ${ledgerMark('d')}
      WHERE r.rolname = $1 AND d.datname <> current_database()`,
    [roleName('app', prefix)],
  );
  const other = rows[0]?.other;
  if (other === undefined) return;
  throw new ConfigurationError(
    `The roles ${prefix}_… of this server belong to the ledger in database ${other}; set LOGLINE_ROLE_PREFIX to give this ledger roles of its own.`,
  );
}

/** Records in the comment of Stage-0's role that the roles serve this database. */
export async function claimRoles(pool: Pool, prefix: string): Promise<void> {
  const name = roleName('app', prefix);
  const { rows } = await pool.query<{ mark: string; known: string | null }>(
    `SELECT ${ledgerMark('d')} AS mark, shobj_description(r.oid, 'pg_authid') AS known
       FROM pg_roles r, pg_database d WHERE r.rolname = $1 AND d.datname = current_database()`,
    [name],
  );
  const [row] = rows;
  if (row === undefined || row.mark === row.known) return;
  await changeRole(pool, `COMMENT ON ROLE ${escapeIdentifier(name)} IS ${escapeLiteral(row.mark)}`);
}

/**
 * SQL expression for the comment that ties roles to a database. It has the oid, so that the roles of a dropped database
 * are free for the next one of that name.
 * @param database alias of pg_database
 */
export function ledgerMark(database: string): string {
  return `'LogLine ledger in database ' || ${database}.datname || ' (oid ' || ${database}.oid || ')'`;
}

/** The SQLSTATE of a database error, else undefined. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined;
}

/** Purpose and limits of a database role. */
interface RoleDefinition {
  readonly purpose: string;
  /** Most connections at a time, as a share of the server's `max_connections`; never fewer than `least`. */
  readonly connections: { readonly share: number; readonly least: number };
  /** Settings of the role, not of sessions: a transaction pooler drops what a session sets. */
  readonly settings: Readonly<Record<string, string>>;
}

const EVERY_ROLE = {
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  search_path: 'pg_catalog',
  // Statements here are too short for JIT compilation to pay off.
  jit: 'off',
  statement_timeout: '15s',
  lock_timeout: '5s',
  idle_in_transaction_session_timeout: '15s',
} as const;

/**
 * The roles that LogLine's sessions run as, keyed by the part of their names after the prefix. None owns objects, is a
 * member of another role or bypasses row-level security; each has its own password, connection limit and policies.
 */
export const ROLES = {
  app: {
    purpose: 'Stage-0 and whatever reads and appends under the identity of a caller',
    connections: { share: 0.55, least: 20 },
    settings: EVERY_ROLE,
  },
  kernel: {
    purpose: 'kernels that find and claim work of all tenants, by functions that only this role may execute',
    connections: { share: 0.2, least: 8 },
    settings: EVERY_ROLE,
  },
  guest: {
    purpose: 'SQL of user code: reads the columns of spans under the identity of its owner',
    connections: { share: 0.1, least: 6 },
    settings: {
      ...EVERY_ROLE,
      statement_timeout: '2s',
      idle_in_transaction_session_timeout: '5s',
      default_transaction_read_only: 'on',
      // PostgreSQL 17 counts no bytes of values when it sorts rows of one column (tuplesort_putdatum), only 24 for each:
      // 2,700 values here, up to 16 KiB long (sql-keys.ts). A statement keeps rows in at most 16 places (sql-meter.ts).
      work_mem: '64kB',
      hash_mem_multiplier: '1',
      // Rows of equal keys do not fit into batches, and EXCEPT and INTERSECT have none: both exceed work_mem.
      enable_hashjoin: 'off',
      enable_hashagg: 'off',
      max_parallel_workers_per_gather: '0',
      // Kilobytes. Needs a superuser, or GRANT SET on the parameter.
      temp_file_limit: '32768',
    },
  },
  sealer: {
    purpose: 'the log of a tenant: sees ids, hashes and order of all spans',
    connections: { share: 0.03, least: 3 },
    settings: EVERY_ROLE,
  },
  auditor: {
    purpose: 'checks every span again: reads all rows',
    connections: { share: 0.03, least: 3 },
    settings: { ...EVERY_ROLE, statement_timeout: '60s' },
  },
  backup: {
    purpose: 'dumps: reads all rows',
    connections: { share: 0.03, least: 3 },
    settings: {
      ...EVERY_ROLE,
      default_transaction_read_only: 'on',
      statement_timeout: '0',
      lock_timeout: '60s',
      idle_in_transaction_session_timeout: '0',
    },
  },
} as const satisfies Readonly<Record<string, RoleDefinition>>;

export type RoleKey = keyof typeof ROLES;

export const ROLE_KEYS = Object.keys(ROLES) as readonly RoleKey[];

/** Passwords of the roles that are to log in. */
export type RolePasswords = Readonly<Partial<Record<RoleKey, string>>>;

export const DEFAULT_ROLE_PREFIX = 'logline';

/** Form of a prefix, short enough for PostgreSQL's names of 63 bytes. */
export const ROLE_PREFIX_PATTERN = /^[a-z][a-z0-9_]{0,40}$/;

/** The name of a role in the database, such as `logline_app`. */
export function roleName(key: RoleKey, prefix: string = DEFAULT_ROLE_PREFIX): string {
  return `${prefix}_${key}`;
}

/** A text, such as a migration, with the roles' names under another prefix. */
export function withRolePrefix(text: string, prefix: string): string {
  if (prefix === DEFAULT_ROLE_PREFIX) return text;
  return text.replace(ROLE_NAMES, (_name, key: RoleKey) => roleName(key, prefix));
}

const ROLE_NAMES = new RegExp(`\\b${DEFAULT_ROLE_PREFIX}_(${ROLE_KEYS.join('|')})\\b`, 'g');

/** Connection limit of a role on a server with this `max_connections`. */
export function connectionLimit(key: RoleKey, maxConnections: number): number {
  const { share, least } = ROLES[key].connections;
  return Math.max(least, Math.floor(maxConnections * share));
}

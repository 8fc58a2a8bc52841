/** What a role of the database is for and how much it may take. */
interface RoleDefinition {
  readonly purpose: string;
  /** Most connections at a time, as a share of the server's `max_connections`; never fewer than `least`. */
  readonly connections: { readonly share: number; readonly least: number };
  /** Settings that stand on the role: a transaction pooler drops what a session sets. */
  readonly settings: Readonly<Record<string, string>>;
}

const EVERY_ROLE = {
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  search_path: 'pg_catalog',
  // No statement here runs long enough to earn its compilation.
  jit: 'off',
  statement_timeout: '15s',
  lock_timeout: '5s',
  idle_in_transaction_session_timeout: '15s',
} as const;

/**
 * The roles that sessions of LogLine run as, by what follows the prefix in their names. None owns anything, belongs
 * to another role or bypasses row-level security; each has a password, a connection limit and policies of its own.
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
      work_mem: '4MB',
      hash_mem_multiplier: '1',
      max_parallel_workers_per_gather: '0',
      // Kilobytes. Only a superuser, or who was granted it, may set this one.
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

/** A password for each role, or for those that are to be able to log in. */
export type RolePasswords = Readonly<Partial<Record<RoleKey, string>>>;

export const DEFAULT_ROLE_PREFIX = 'logline';

/** What a prefix may look like; PostgreSQL cuts names at 63 bytes. */
export const ROLE_PREFIX_PATTERN = /^[a-z][a-z0-9_]{0,40}$/;

/** The name of a role in the database, such as `logline_app`. */
export function roleName(key: RoleKey, prefix: string = DEFAULT_ROLE_PREFIX): string {
  return `${prefix}_${key}`;
}

/** The roles' names in a text, such as a migration, under another prefix. */
export function withRolePrefix(text: string, prefix: string): string {
  if (prefix === DEFAULT_ROLE_PREFIX) return text;
  return text.replace(ROLE_NAMES, (_name, key: RoleKey) => roleName(key, prefix));
}

const ROLE_NAMES = new RegExp(`\\b${DEFAULT_ROLE_PREFIX}_(${ROLE_KEYS.join('|')})\\b`, 'g');

/** Most connections of a role on a server that takes `maxConnections`. */
export function connectionLimit(key: RoleKey, maxConnections: number): number {
  const { share, least } = ROLES[key].connections;
  return Math.max(least, Math.floor(maxConnections * share));
}

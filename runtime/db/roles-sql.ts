import { escapeIdentifier, escapeLiteral } from 'pg';
import { ledgerMark, ROLE_ATTRIBUTES, settingStatement } from './ensure-roles';
import { ROLE_KEYS, ROLES, type RoleKey, type RolePasswords, roleName } from './roles';
import { scramVerifier } from './scram-verifier';

/**
 * The roles as one SQL file, for owners without CREATEROLE: a superuser runs it on the ledger's database. Idempotent.
 * Passwords are in it as verifiers only.
 */
export function rolesSql(prefix: string, passwords: RolePasswords): string {
  return [
    '-- The roles of a LogLine ledger. Run as a superuser on the database of the ledger; running it again is safe.',
    ...ROLE_KEYS.map((key) => roleSql(key, prefix, passwords[key])),
    markSql(roleName('app', prefix)),
    '',
  ].join('\n\n');
}

function roleSql(key: RoleKey, prefix: string, password: string | undefined): string {
  const name = roleName(key, prefix);
  const role = escapeIdentifier(name);
  const { purpose, connections, settings } = ROLES[key];
  return [
    `-- ${purpose}`,
    'DO $$ BEGIN',
    `  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${escapeLiteral(name)}) THEN CREATE ROLE ${role}; END IF;`,
    `  EXECUTE format('ALTER ROLE ${role} ${ROLE_ATTRIBUTES} CONNECTION LIMIT %s',`,
    `    greatest(${connections.least}, floor(current_setting('max_connections')::int * ${connections.share})));`,
    'END $$;',
    ...(password === undefined
      ? []
      : [`ALTER ROLE ${role} PASSWORD ${escapeLiteral(scramVerifier(password))};`]),
    ...Object.entries(settings).map(([setting, value]) => `${settingStatement(role, setting, value)};`),
  ].join('\n');
}

function markSql(app: string): string {
  return [
    '-- The database that the roles serve: another one of this server needs a prefix of its own.',
    'DO $$ BEGIN',
    `  EXECUTE (SELECT format('COMMENT ON ROLE %I IS %L', ${escapeLiteral(app)}, ${ledgerMark('d')})`,
    '             FROM pg_database d WHERE d.datname = current_database());',
    'END $$;',
  ].join('\n');
}

import { escapeIdentifier, escapeLiteral, type Pool } from 'pg';
import { ConfigurationError } from '../base/errors';
import { connectAdmin } from './admin-client';
import { asRole, type DatabaseOptions } from './database-options';
import { codeOf, INSUFFICIENT_PRIVILEGE } from './ensure-roles';
import { ROLE_KEYS, type RolePasswords, roleName } from './roles';
import { scramVerifier } from './scram-verifier';

/** invalid_password, and invalid_authorization_specification of a role that may not log in. */
const REFUSED_LOGIN: ReadonlySet<string> = new Set(['28P01', '28000']);
const TOO_MANY_CONNECTIONS = '53300';

/**
 * Sets the passwords of roles that cannot log in with them. Valid ones are left alone, since changing one locks a row
 * of a catalogue that all databases share. The server gets a verifier, never the password.
 * @throws ConfigurationError when the owner may not set one
 */
export async function setPasswords(
  pool: Pool,
  admin: DatabaseOptions,
  prefix: string,
  passwords: RolePasswords,
): Promise<void> {
  await Promise.all(
    ROLE_KEYS.map(async (key) => {
      const password = passwords[key];
      if (password === undefined) return;
      const name = roleName(key, prefix);
      if (await isValid(admin, name, password)) return;
      try {
        await pool.query(
          `ALTER ROLE ${escapeIdentifier(name)} LOGIN PASSWORD ${escapeLiteral(scramVerifier(password))}`,
        );
      } catch (error) {
        if (codeOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
        throw new ConfigurationError(
          `Role ${name} has another password than the one at hand, and this owner may not set it: run what npx logline roles --print prints as a superuser of this database.`,
          { cause: error },
        );
      }
    }),
  );
}

async function isValid(admin: DatabaseOptions, role: string, password: string): Promise<boolean> {
  try {
    const client = await connectAdmin(asRole(admin, role, password));
    await client.end();
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code !== undefined && REFUSED_LOGIN.has(code)) return false;
    // The server checks the password before the connection limit.
    if (code === TOO_MANY_CONNECTIONS) return true;
    throw error;
  }
}

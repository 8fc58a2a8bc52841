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
 * Sets passwords that do not hold. Changing one locks a row of a catalogue that all databases share, so those that
 * hold are left alone; the server gets a verifier, never the password.
 * @throws ConfigurationError when the owner may not
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
      if (await holds(admin, name, password)) return;
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

async function holds(admin: DatabaseOptions, role: string, password: string): Promise<boolean> {
  try {
    const client = await connectAdmin(asRole(admin, role, password));
    await client.end();
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code !== undefined && REFUSED_LOGIN.has(code)) return false;
    // A server that has no connection left for the role has looked at its password before.
    if (code === TOO_MANY_CONNECTIONS) return true;
    throw error;
  }
}

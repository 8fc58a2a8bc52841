import { type Client, escapeLiteral } from 'pg';
import { connectAdmin } from './admin-client';
import { asRole, type DatabaseOptions } from './database-options';

/**
 * Gives the role `logline_app` a password, when it cannot log in with it already: changing one locks the role's
 * row of the catalogue.
 * @param admin connected as the owner of the schema.
 * @param options how `admin` is connected.
 */
export async function setAppPassword(
  admin: Client,
  options: DatabaseOptions,
  password: string,
): Promise<void> {
  try {
    const app = await connectAdmin(asRole(options, 'logline_app', password));
    await app.end().catch(() => undefined);
  } catch {
    await admin.query(`ALTER ROLE logline_app LOGIN PASSWORD ${escapeLiteral(password)}`);
  }
}

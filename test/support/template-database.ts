import { migrate } from '../../runtime/db/migrate';
import type { RolePasswords } from '../../runtime/db/roles';

/**
 * Migrates and seeds the template database, from which every test starts.
 *
 * @param adminUrl URL of the owner of the (empty) template database
 * @param passwords passwords of the roles
 */
export async function prepareTemplate(adminUrl: string, passwords: RolePasswords): Promise<void> {
  await migrate({ admin: { connectionString: adminUrl }, passwords, sharesRoles: true });
}

import { migrate } from '../../runtime/db/migrate';
import type { RolePasswords } from '../../runtime/db/roles';

/**
 * Brings the template database to the state every test starts from: migrated and seeded.
 *
 * @param adminUrl URL of the owner of the (empty) template database
 * @param passwords passwords that the roles shall have
 */
export async function prepareTemplate(adminUrl: string, passwords: RolePasswords): Promise<void> {
  await migrate({ admin: { connectionString: adminUrl }, passwords, sharesRoles: true });
}

import { migrate } from '../../runtime/db/migrate';

/**
 * Brings the template database to the state every test starts from: migrated and seeded.
 *
 * @param adminUrl URL of the owner of the (empty) template database
 * @param appPassword password that the role `logline_app` shall have
 */
export async function prepareTemplate(adminUrl: string, appPassword: string): Promise<void> {
  await migrate({ admin: { connectionString: adminUrl }, appPassword });
}

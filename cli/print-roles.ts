import { dataDirectory, prepareDataDirectory } from '../local/data-directory';
import { devSettings } from '../local/dev-settings';
import { loadOrCreateKeys } from '../local/keys';
import { rolesSql } from '../runtime/db/roles-sql';

/** Prints the database roles as SQL. Creates keys.json if missing, because the passwords are stored there. */
export async function printRoles(): Promise<void> {
  const { rolePrefix } = devSettings();
  const data = dataDirectory();
  await prepareDataDirectory(data);
  const { passwords } = await loadOrCreateKeys(data);
  process.stdout.write(rolesSql(rolePrefix, passwords));
}

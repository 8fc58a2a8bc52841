import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The folder of migrations and seeds: at the root of the repository, or beside the bundle in a layer.
 * @throws Error when neither exists, as in a broken package
 */
export function sqlFolder(): string {
  const candidates = [join(__dirname, 'sql'), join(__dirname, '..', '..', 'sql')];
  const folder = candidates.find((candidate) => existsSync(join(candidate, '000001_roles_and_schemas.sql')));
  if (folder === undefined) throw new Error(`no migrations found in ${candidates.join(' or ')}`);
  return folder;
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Where the migrations and seeds lie: at the top of the repository, or beside the bundle in a layer.
 * @throws Error when neither is there, which means a broken package.
 */
export function sqlFolder(): string {
  const candidates = [join(__dirname, 'sql'), join(__dirname, '..', '..', 'sql')];
  const folder = candidates.find((candidate) => existsSync(join(candidate, '000001_roles_and_schemas.sql')));
  if (folder === undefined) throw new Error(`no migrations found in ${candidates.join(' or ')}`);
  return folder;
}

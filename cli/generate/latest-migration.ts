import { migrationFiles } from '../../runtime/db/migration-files';
import { sqlFolder } from '../../runtime/db/sql-folder';
import type { GeneratedFile } from './generated-file';

/** Name of the newest migration, which health compares with: Stage-0's layer has no `sql/`. */
export async function generateLatestMigration(): Promise<readonly GeneratedFile[]> {
  const name = migrationFiles(sqlFolder()).at(-1)?.name ?? '';
  return [
    {
      path: 'runtime/db/latest-migration.generated.ts',
      text: `// Made from sql/ by npm run generate.\nexport const LATEST_MIGRATION = '${name}';\n`,
    },
  ];
}

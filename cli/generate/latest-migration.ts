import { migrationFiles } from '../../runtime/db/migration-files';
import { sqlFolder } from '../../runtime/db/sql-folder';
import type { GeneratedFile } from './generated-file';

/** The name of the newest migration: Stage-0 ships without `sql/`, but health must know what to look for. */
export async function generateLatestMigration(): Promise<readonly GeneratedFile[]> {
  const name = migrationFiles(sqlFolder()).at(-1)?.name ?? '';
  return [
    {
      path: 'runtime/db/latest-migration.generated.ts',
      text: `// Made from sql/ by npm run generate.\nexport const LATEST_MIGRATION = '${name}';\n`,
    },
  ];
}

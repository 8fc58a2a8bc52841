import { Kysely, PostgresDialect } from 'kysely';
import { PostgresDialect as CodegenDialect, generate } from 'kysely-codegen';
import { Pool } from 'pg';
import type { GeneratedFile } from './generated-file';
import type { MigratedDatabase } from './migrated-database';

/** Types that `runtime/db` parses differently from pg's defaults. */
const TYPE_MAPPING = { timestamptz: 'string', xid8: 'string', int8: 'string' };

/** The Kysely `Database` interface, read from the migrated schema. */
export async function generateDatabaseTypes({
  adminUrl,
}: MigratedDatabase): Promise<readonly GeneratedFile[]> {
  const db = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool: new Pool({ connectionString: adminUrl, max: 2 }) }),
  });
  try {
    const text = await generate({
      db,
      dialect: new CodegenDialect(),
      includePattern: '(ledger|app).*',
      excludePattern: 'app.kysely*',
      typeMapping: TYPE_MAPPING,
      singularize: false,
      outFile: null,
    });
    return [{ path: 'runtime/db/database.generated.ts', text }];
  } finally {
    await db.destroy();
  }
}

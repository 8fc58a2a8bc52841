import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { oneLine } from '../local/operator-error';
import { generateDatabaseTypes } from './generate/database-types';
import type { GeneratedFile } from './generate/generated-file';
import { generateHttpReference } from './generate/http-reference';
import { generateKernels } from './generate/kernels';
import { generateLatestMigration } from './generate/latest-migration';
import { type MigratedDatabase, withMigratedDatabase } from './generate/migrated-database';
import { generateSandboxHost } from './generate/sandbox-host';
import { generateSchemaSnapshot } from './generate/schema-snapshot';
import { generateSeeds } from './generate/seeds';
import { generateStatements } from './generate/statements';
import { generateValidators } from './generate/validators';
import { generateWireTypes } from './generate/wire-types';

/** All generators. `database` is a new one with all migrations applied. */
const GENERATORS: readonly ((database: MigratedDatabase) => Promise<readonly GeneratedFile[]>)[] = [
  generateLatestMigration,
  generateStatements,
  generateValidators,
  generateWireTypes,
  generateKernels,
  generateSandboxHost,
  generateSeeds,
  generateHttpReference,
  generateDatabaseTypes,
  generateSchemaSnapshot,
];

const ROOT = path.dirname(__dirname);

/**
 * `npm run generate` writes the generated files; with `--check`, as in `npm run check`, it fails when one of them differs
 * from what its source yields.
 */
async function main(args: readonly string[]): Promise<void> {
  const files = await withMigratedDatabase(async (database) => {
    const made = [];
    // In order, because later generators read files of earlier ones.
    for (const generate of GENERATORS) made.push(...(await generate(database)));
    return made;
  });
  const stale = [];
  for (const file of files) if ((await currentText(file)) !== file.text) stale.push(file);
  if (!args.includes('--check')) {
    for (const file of stale) await write(file);
    console.log(`generate: ${files.length} files, ${stale.length} changed`);
  } else if (stale.length > 0) {
    for (const file of stale) console.error(`drift: ${file.path} is not what its source yields`);
    console.error('drift: run npm run generate and commit the result');
    process.exitCode = 1;
  } else {
    console.log(`drift: none in ${files.length} generated files`);
  }
}

async function currentText(file: GeneratedFile): Promise<string | undefined> {
  return readFile(path.join(ROOT, file.path), 'utf8').catch(() => undefined);
}

async function write(file: GeneratedFile): Promise<void> {
  const place = path.join(ROOT, file.path);
  await mkdir(path.dirname(place), { recursive: true });
  await writeFile(place, file.text);
  console.log(`generate: wrote ${file.path}`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`generate: ${error instanceof Error ? error.stack : oneLine(error)}`);
  process.exitCode = 1;
});

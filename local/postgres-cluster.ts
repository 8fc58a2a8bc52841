import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { OperatorError, oneLine, systemErrorCode } from './operator-error';
import { POSTGRES_MAJOR } from './postgres-binaries';
import { explainPostgresLog } from './postgres-log';
import { runProgram } from './postgres-process';
import type { Launcher } from './unprivileged-user';

/** Options for creating a cluster. */
export interface ClusterOptions {
  readonly dataDir: string;
  readonly logFile: string;
  readonly superuserPassword: string;
  readonly durable?: boolean;
  readonly onProgress?: (message: string) => void;
}

/**
 * Ensures that `dataDir` holds a cluster of our major version; creates one in an empty folder.
 * @throws OperatorError when the folder holds something else
 */
export async function ensureCluster(
  options: ClusterOptions,
  initdb: string,
  launcher: Launcher,
): Promise<void> {
  await rejectForeignCluster(options.dataDir);
  if ((await versionOf(options.dataDir)) === undefined) await createCluster(options, initdb, launcher);
}

async function versionOf(dataDir: string): Promise<string | undefined> {
  try {
    return (await readFile(path.join(dataDir, 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return undefined;
    throw new OperatorError(
      `cannot read the database folder ${dataDir} (${oneLine(error)}); give this user access to it or set LOGLINE_DATA to another folder`,
      { cause: error },
    );
  }
}

/** Refuses a folder that exists but is not a cluster of our major version. */
async function rejectForeignCluster(dataDir: string): Promise<void> {
  const version = await versionOf(dataDir);
  if (version !== undefined && version !== String(POSTGRES_MAJOR)) {
    throw new OperatorError(
      `the database in ${dataDir} belongs to PostgreSQL ${version || 'of an unknown version'}, this LogLine runs ${POSTGRES_MAJOR}; move that folder away to begin with an empty ledger, or run the LogLine version that made it`,
    );
  }
  if (version === undefined && !(await isMissingOrEmpty(dataDir))) {
    throw new OperatorError(
      `the database folder ${dataDir} is broken: it has no PG_VERSION file; restore it from a backup, or move it away to begin with an empty ledger`,
    );
  }
}

async function isMissingOrEmpty(dataDir: string): Promise<boolean> {
  try {
    return (await readdir(dataDir)).length === 0;
  } catch (error) {
    return systemErrorCode(error) === 'ENOENT';
  }
}

/** Runs initdb in a temporary folder and renames it, so that an incomplete cluster is never used. */
async function createCluster(options: ClusterOptions, initdb: string, launcher: Launcher): Promise<void> {
  options.onProgress?.('creating the database');
  const draft = `${options.dataDir}.initializing`;
  const passwordFile = `${draft}.password`;
  try {
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o700 });
    await writeFile(passwordFile, `${options.superuserPassword}\n`, { mode: 0o600 });
    if (launcher.owner) {
      await chown(draft, launcher.owner.uid, launcher.owner.gid);
      await chown(passwordFile, launcher.owner.uid, launcher.owner.gid);
    }
    const { code, output } = await runProgram(launcher, initdb, [
      `--pgdata=${draft}`,
      '--username=postgres',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      // The same sort order on every machine.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(options.durable === false ? ['--no-sync'] : []),
    ]);
    if (code !== 0) throw new OperatorError(explainPostgresLog(output, options.dataDir, options.logFile));
    await rename(draft, options.dataDir);
  } catch (error) {
    await rm(draft, { recursive: true, force: true }).catch(() => undefined);
    if (error instanceof OperatorError || systemErrorCode(error) === undefined) throw error;
    throw new OperatorError(
      `cannot create the database in ${options.dataDir} (${oneLine(error)}); free some space or set LOGLINE_DATA to a folder that this user may write to`,
      { cause: error },
    );
  } finally {
    await rm(passwordFile, { force: true }).catch(() => undefined);
  }
}

import { readFile, rename, rm } from 'node:fs/promises';
import type { DataDirectory } from './data-directory';
import { OperatorError, systemErrorCode } from './operator-error';
import { isAlive } from './postmaster';
import { writePrivateFile } from './private-file';

/** The process that runs on a data folder, for commands that call it. */
export interface RunInfo {
  readonly pid: number;
  /** Start time of process `pid` in clock ticks since boot; distinguishes it from a later process with the same id. */
  readonly processStart: string | undefined;
  /** URL of the API; undefined while starting. */
  readonly url: string | undefined;
  /** Port of the embedded server; undefined while it is starting or with DATABASE_URL. */
  readonly postgresPort: number | undefined;
}

/** The lock of the running process. */
export interface RunLock {
  /** Adds details, for {@link currentRun}. */
  publish(details: { url: string; postgresPort: number | undefined }): Promise<void>;
  release(): Promise<void>;
}

const ATTEMPTS = 5;

/**
 * Makes this process the only LogLine on a data folder; takes over a crashed process's lock. PostgreSQL protects its files
 * itself; this lock gives a clear message.
 * @throws OperatorError that names the running process
 */
export async function takeRunLock(data: DataDirectory): Promise<RunLock> {
  const mine: RunInfo = {
    pid: process.pid,
    processStart: await processStart(process.pid),
    url: undefined,
    postgresPort: undefined,
  };
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    try {
      await writePrivateFile(data.lock, JSON.stringify(mine), 'create');
      return {
        publish: (details) => writePrivateFile(data.lock, JSON.stringify({ ...mine, ...details }), 'replace'),
        release: () => rm(data.lock, { force: true }),
      };
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    }
    const other = await currentRun(data);
    if (other !== undefined) {
      const where = other.url === undefined ? 'it is still starting' : `it answers at ${other.url}`;
      throw new OperatorError(
        `LogLine already runs on ${data.path} (process ${other.pid}, ${where}); stop it first, or set LOGLINE_DATA to another folder`,
      );
    }
    // Only one of several processes can rename a stale lock.
    const aside = `${data.lock}.stale-${process.pid}`;
    await rename(data.lock, aside).catch(() => undefined);
    await rm(aside, { force: true });
  }
  throw new OperatorError(`several LogLine processes start on ${data.path} at once; start one of them`);
}

/** The LogLine running on a data folder; undefined without one. */
export async function currentRun(data: DataDirectory): Promise<RunInfo | undefined> {
  const info = parseRunInfo(await readFile(data.lock, 'utf8').catch(() => ''));
  if (info === undefined || !isAlive(info.pid)) return undefined;
  return (await processStart(info.pid)) === info.processStart ? info : undefined;
}

function parseRunInfo(text: string): RunInfo | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { pid, processStart: start, url, postgresPort } = value as Record<string, unknown>;
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0) return undefined;
  return {
    pid,
    processStart: typeof start === 'string' ? start : undefined,
    url: typeof url === 'string' ? url : undefined,
    postgresPort: typeof postgresPort === 'number' ? postgresPort : undefined,
  };
}

/** Field 22 of /proc/<pid>/stat, see proc(5); undefined where there is no /proc. */
async function processStart(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // Field 2, the command name, may contain spaces and brackets, so fields are counted after its closing bracket.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

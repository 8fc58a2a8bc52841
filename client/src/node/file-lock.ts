import { readFileSync } from 'node:fs';
import { link, open, readFile, rename, rm } from 'node:fs/promises';

/** Locks of this process, to tell them from one that an earlier process with the same id left. */
const heldHere = new Set<string>();

/** A lock for one process at a time; the file has the holder's process id. A dead process holds no lock. */
export class FileLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws Error when a running process holds it */
  static async take(path: string): Promise<FileLock> {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      if (heldHere.has(path)) throw held(path, `this process (${process.pid})`);
      heldHere.add(path);
      try {
        const file = await open(path, 'wx', 0o600);
        await file.writeFile(`${process.pid} ${startOf(process.pid)}\n`);
        await file.close();
        return new FileLock(path);
      } catch (error) {
        heldHere.delete(path);
        if (codeOf(error) !== 'EEXIST') throw error;
        await removeStale(path);
      }
    }
    throw held(path, 'other processes that start at the same time');
  }

  async release(): Promise<void> {
    heldHere.delete(this.#path);
    await rm(this.#path, { force: true });
  }
}

async function removeStale(path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const [pid = Number.NaN, start = ''] = [Number.parseInt(text, 10), text.trim().split(' ')[1]];
  if (isAlive(pid, start)) throw held(path, `process ${pid}`);
  // Renamed first: of two processes that find it stale, one could otherwise remove the new lock of the other.
  const aside = `${path}.${process.pid}`;
  await rename(path, aside).catch(() => undefined);
  if ((await readFile(aside, 'utf8').catch(() => text)) !== text)
    await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

function isAlive(pid: number, start: string): boolean {
  if (!Number.isInteger(pid) || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
  // The system reuses process ids.
  return startOf(pid) === start;
}

/** Start of a process in clock ticks since boot (proc(5)); empty without /proc. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function held(path: string, by: string): Error {
  return new Error(`the queue's file is held by ${by}: a file takes one writer (${path})`);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

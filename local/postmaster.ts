import { execFile } from 'node:child_process';
import { readFile, realpath, unlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatorError, systemErrorCode } from './operator-error';

/** Content of `postmaster.pid`, see PostgreSQL's pidfile.h. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number | undefined;
  readonly status: 'starting' | 'stopping' | 'ready' | 'standby' | 'unknown';
}

const PID_LINE = 0;
const PORT_LINE = 3;
const STATUS_LINE = 7;
const POLL_MS = 50;

/** Reads `postmaster.pid`, or returns undefined when it is missing or incomplete. */
export async function readPostmaster(dataDir: string): Promise<Postmaster | undefined> {
  let text: string;
  try {
    text = await readFile(path.join(dataDir, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[PID_LINE]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const port = Number(lines[PORT_LINE]);
  return { pid, port: port > 0 ? port : undefined, status: parseStatus(lines[STATUS_LINE]) };
}

function parseStatus(text: string | undefined): Postmaster['status'] {
  switch (text) {
    case 'starting':
    case 'stopping':
    case 'ready':
    case 'standby':
      return text;
    default:
      return 'unknown';
  }
}

/**
 * Cleans up after a crash: shuts down a server that still runs on `dataDir`, and removes a `postmaster.pid` whose process
 * id has been reused by another program, which PostgreSQL would take for a running server. A file whose process is gone
 * stays, because PostgreSQL reads it to detect sessions that still hold the old server's memory.
 */
export async function settleOrphan(dataDir: string): Promise<void> {
  const orphan = await readPostmaster(dataDir);
  if (orphan === undefined) return;
  for (const { signal, patienceMs } of [
    { signal: 'SIGINT', patienceMs: 10_000 }, // fast shutdown
    { signal: 'SIGQUIT', patienceMs: 10_000 }, // immediate shutdown, recovered on the next start
  ] as const) {
    if (!(await isPostgresOn(orphan.pid, dataDir))) break;
    kill(orphan.pid, signal);
    await waitUntilGone(orphan.pid, dataDir, patienceMs);
  }
  if (await isPostgresOn(orphan.pid, dataDir)) {
    throw new OperatorError(
      `a PostgreSQL server (process ${orphan.pid}) still runs on ${dataDir} and does not stop; end it, then start again`,
    );
  }
  if (isAlive(orphan.pid)) await unlink(path.join(dataDir, 'postmaster.pid')).catch(() => undefined);
}

/** Whether a process with this id exists, of any user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemErrorCode(error) !== 'ESRCH') throw error;
  }
}

async function waitUntilGone(pid: number, dataDir: string, patienceMs: number): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  while (performance.now() < deadlineMs && (await isPostgresOn(pid, dataDir))) await sleep(POLL_MS);
}

/** Whether process `pid` is alive and is a PostgreSQL server on `dataDir`. */
async function isPostgresOn(pid: number, dataDir: string): Promise<boolean> {
  const command = await commandLine(pid);
  if (command === undefined || !command.includes('postgres')) return false;
  const real = await realpath(dataDir).catch(() => dataDir);
  return command.includes(dataDir) || command.includes(real);
}

async function commandLine(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    // Empty for a zombie, which holds no resources.
    return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  }
  if (process.platform === 'win32') return undefined;
  return new Promise((resolve) => {
    execFile('ps', ['-o', 'command=', '-p', String(pid)], (error, stdout) => {
      resolve(error ? undefined : stdout);
    });
  });
}

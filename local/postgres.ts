import { type ChildProcess, spawn } from 'node:child_process';
import { open, rename, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port';
import { OperatorError, oneLine } from './operator-error';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries';
import { ensureCluster } from './postgres-cluster';
import { reachableBinaries } from './postgres-copy';
import { explainPostgresLog, isMemoryHeld, isPortTaken } from './postgres-log';
import { credentials, serverEnv } from './postgres-process';
import { isAlive, readPostmaster, settleOrphan } from './postmaster';
import { dataLauncher, type Launcher, serverUser } from './unprivileged-user';

/** Options of {@link startPostgres}. */
export interface PostgresOptions {
  /** The cluster's folder. Created when it does not exist; its parent must exist. */
  readonly dataDir: string;
  /** Where the server writes its log. */
  readonly logFile: string;
  /** Password of the superuser `postgres`; used when the cluster is created and to connect. */
  readonly superuserPassword: string;
  /** TCP port on 127.0.0.1 to try first. Defaults to any free port. */
  readonly preferredPort?: number;
  /** `max_connections`. Defaults to 100. */
  readonly maxConnections?: number;
  /** False for throw-away clusters: no fsync, so a power cut loses data. Defaults to true. */
  readonly durable?: boolean;
  /** Folder to delete after the server has ended, even if this process is killed. Defaults to none. */
  readonly deleteAfterwards?: string;
  /** Called before a slow step, such as creating the cluster. */
  readonly onProgress?: (message: string) => void;
  /** Milliseconds until the server must be ready, including crash recovery. Defaults to 120,000. */
  readonly startTimeoutMs?: number;
}

/** A running embedded server. */
export interface PostgresServer {
  readonly port: number;
  readonly pid: number;
  /** URL of the superuser `postgres` on `database`. */
  superuserUrl(database: string): string;
  /** Resolves when the server has ended for any reason. */
  readonly ended: Promise<void>;
  /** Fast shutdown: ends sessions and writes a checkpoint. Idempotent. */
  stop(): Promise<void>;
}

/** Milliseconds for a shutdown before it is forced. */
const STOP_TIMEOUT_MS = 8_000;
const POLL_MS = 15;
const LOG_TAIL_BYTES = 16_384;
const MAX_LOG_BYTES = 10 * 1024 * 1024;
const START_ATTEMPTS = 8;
/** Milliseconds to wait for sessions of a killed server, which end soon after it. */
const MEMORY_HELD_WAIT_MS = 500;

/**
 * Guard between this process and the server. `read` returns when our end of the pipe closes, which the operating system
 * does even after a kill -9; the guard then signals a fast shutdown, so no server outlives its LogLine. Arguments: folder
 * to delete in the end (or empty), then the command.
 */
const GUARD_SCRIPT = `
exec 3<&0
doomed=$1; shift
"$@" </dev/null 3<&- &
pg=$!
{ read -r _ <&3; kill -INT "$pg"; } 2>/dev/null &
guard=$!
wait "$pg"; code=$?
kill "$guard" 2>/dev/null
if [ -n "$doomed" ]; then rm -rf "$doomed"; fi
exit "$code"`;

/**
 * Starts the embedded PostgreSQL server on `dataDir`, and creates the cluster if it is missing.
 *
 * After a crash it shuts down a server of ours that still runs and removes a stale postmaster.pid; PostgreSQL itself
 * replays its WAL.
 *
 * @throws OperatorError with fault and remedy in one line
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const user = await serverUser(options.dataDir);
  const npmBinaries = await findPostgresBinaries();
  const binaries = user ? await reachableBinaries(npmBinaries, user, options.onProgress) : npmBinaries;
  const launcher = await dataLauncher(user, options.dataDir);
  await ensureCluster(options, binaries.initdb, launcher);
  await settleOrphan(options.dataDir);

  let port = await freePort(options.preferredPort);
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await launch(options, binaries, launcher, port);
    if ('server' in outcome) return outcome.server;
    if (isPortTaken(outcome.log) && attempt < START_ATTEMPTS) port = await freePort();
    else if (isMemoryHeld(outcome.log) && attempt < START_ATTEMPTS) await sleep(MEMORY_HELD_WAIT_MS);
    else throw new OperatorError(explainPostgresLog(outcome.log, options.dataDir, options.logFile));
  }
}

type LaunchOutcome = { readonly server: PostgresServer } | { readonly log: string };

/** Starts the server once; on failure returns what it wrote to its log. */
async function launch(
  options: PostgresOptions,
  binaries: PostgresBinaries,
  launcher: Launcher,
  port: number,
): Promise<LaunchOutcome> {
  const log = await openLog(options.logFile);
  const child = spawnGuarded(options, binaries, launcher, port, log.fd);
  await log.close();
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    const finish = (): void => {
      hasEnded = true;
      resolve();
    };
    child.once('error', finish);
    child.once('exit', finish);
  });

  const deadlineMs = performance.now() + (options.startTimeoutMs ?? 120_000);
  while (!hasEnded && performance.now() < deadlineMs) {
    const postmaster = await readPostmaster(options.dataDir);
    if (postmaster?.status === 'ready' && isAlive(postmaster.pid)) {
      // The server must not keep our event loop alive; the guard stops it.
      child.unref();
      return { server: new EmbeddedServer(child, postmaster.pid, port, options, ended) };
    }
    await Promise.race([sleep(POLL_MS), ended]);
  }
  child.stdin?.destroy();
  await ended;
  return { log: await readFrom(options.logFile, log.offset) };
}

function spawnGuarded(
  options: PostgresOptions,
  binaries: PostgresBinaries,
  launcher: Launcher,
  port: number,
  logFd: number,
): ChildProcess {
  const server = [...launcher.prefix, binaries.postgres, '-D', options.dataDir, ...settings(options, port)];
  const guarded =
    process.platform === 'win32'
      ? server
      : ['/bin/sh', '-c', GUARD_SCRIPT, 'logline-guard', options.deleteAfterwards ?? '', ...server];
  const [command = binaries.postgres, ...args] = guarded;
  return spawn(command, args, {
    cwd: path.parse(binaries.postgres).root,
    env: serverEnv(),
    stdio: ['pipe', logFd, logFd],
    // A session of its own, so that Ctrl-C reaches LogLine only, which drains requests before it stops the database.
    detached: process.platform !== 'win32',
    ...credentials(launcher),
  });
}

function settings(options: PostgresOptions, port: number): string[] {
  const values: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: String(options.maxConnections ?? 100),
    password_encryption: 'scram-sha-256',
    timezone: 'UTC',
    log_timezone: 'UTC',
    cluster_name: 'logline',
    // The log is never rotated while the server runs, and errors of clients' statements would fill it and may contain their data;
    // clients get these errors anyway. LOG, FATAL and PANIC stay.
    log_min_messages: 'log',
    log_checkpoints: 'off',
    // RDS's value. The queue's autovacuum threshold is a thousand rows (sql/000016_queue_vacuum.sql), so it must run often.
    autovacuum_naptime: '15s',
  };
  if (options.durable === false) {
    Object.assign(values, { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' });
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

async function openLog(logFile: string): Promise<{ fd: number; offset: number; close(): Promise<void> }> {
  try {
    const size = (await stat(logFile).catch(() => undefined))?.size ?? 0;
    if (size > MAX_LOG_BYTES) await rename(logFile, `${logFile}.1`);
    const handle = await open(logFile, 'a', 0o600);
    const offset = (await handle.stat()).size;
    return { fd: handle.fd, offset, close: () => handle.close() };
  } catch (cause) {
    throw new OperatorError(
      `cannot write ${logFile} (${oneLine(cause)}); free some space or set LOGLINE_DATA to a folder that this user may write to`,
      { cause },
    );
  }
}

async function readFrom(file: string, offset: number): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.alloc(LOG_TAIL_BYTES);
    const { size } = await handle.stat();
    const start = Math.max(offset, size - LOG_TAIL_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, LOG_TAIL_BYTES, start);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

class EmbeddedServer implements PostgresServer {
  readonly port: number;
  readonly pid: number;
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #password: string;
  readonly #dataDir: string;

  constructor(
    child: ChildProcess,
    pid: number,
    port: number,
    options: PostgresOptions,
    ended: Promise<void>,
  ) {
    this.port = port;
    this.pid = pid;
    this.ended = ended;
    this.#child = child;
    this.#password = options.superuserPassword;
    this.#dataDir = options.dataDir;
  }

  superuserUrl(database: string): string {
    return `postgres://postgres:${encodeURIComponent(this.#password)}@127.0.0.1:${this.port}/${encodeURIComponent(database)}`;
  }

  async stop(): Promise<void> {
    this.#child.ref();
    this.#child.stdin?.destroy();
    const inTime = new AbortController();
    const late = sleep(STOP_TIMEOUT_MS, true, { signal: inTime.signal }).catch(() => false);
    if (await Promise.race([this.ended.then(() => false), late])) {
      // Immediate shutdown: committed data is in the WAL and is recovered on the next start.
      const postmaster = await readPostmaster(this.#dataDir);
      if (postmaster?.pid === this.pid) process.kill(this.pid, 'SIGQUIT');
      await this.ended;
    }
    inTime.abort();
    if (process.platform === 'win32')
      await unlink(path.join(this.#dataDir, 'postmaster.pid')).catch(() => undefined);
  }
}

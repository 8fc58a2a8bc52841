import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../local/free-port';
import { until } from './until';

/** The first version of PgBouncer that supports prepared statements in transaction mode. */
const OLDEST = [1, 21] as const;

/** The program to run: `PGBOUNCER`, or the one on the path. */
const PROGRAM = process.env.PGBOUNCER || 'pgbouncer';

export interface PgBouncer {
  /** Rewrites a URL to go through the pooler. */
  through(url: string): string;
  stop(): Promise<void>;
}

export interface PgBouncerOptions {
  readonly mode: 'session' | 'transaction' | 'statement';
  /** Defaults to 200, PgBouncer's own default. 0 is off. */
  readonly maxPreparedStatements?: number;
}

/** Why no suitable PgBouncer is available; undefined when one is. */
export function whyNoPgBouncer(): string | undefined {
  try {
    const printed = execFileSync(PROGRAM, ['--version'], { encoding: 'utf8' });
    const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(printed) ?? [];
    const isOld = Number(major) < OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) < OLDEST[1]);
    return isOld ? `PgBouncer ${major}.${minor} is older than ${OLDEST.join('.')}` : undefined;
  } catch {
    return 'PgBouncer is not installed (PGBOUNCER names the program)';
  }
}

/** Starts a PgBouncer in front of the server of these URLs, with their users and passwords. */
export async function startPgBouncer(
  urls: readonly string[],
  { mode, maxPreparedStatements = 200 }: PgBouncerOptions,
): Promise<PgBouncer> {
  const [first = ''] = urls;
  const server = new URL(first);
  const folder = await mkdtemp(join(tmpdir(), 'logline-pgbouncer-'));
  const port = await freePort();
  const users = urls
    .map((url) => new URL(url))
    .map((url) => `"${url.username}" "${decodeURIComponent(url.password)}"\n`);
  await writeFile(join(folder, 'users.txt'), users.join(''));
  // Default settings except for the mode.
  const settings = [
    '[databases]',
    `* = host=${server.hostname} port=${server.port}`,
    '[pgbouncer]',
    `listen_addr = 127.0.0.1`,
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = plain',
    `auth_file = ${join(folder, 'users.txt')}`,
    `pool_mode = ${mode}`,
    `max_prepared_statements = ${maxPreparedStatements}`,
    // A small pool, so that transactions reuse connections of other clients.
    `default_pool_size = ${mode === 'session' ? 40 : 4}`,
    'max_client_conn = 200',
  ];
  await writeFile(join(folder, 'pgbouncer.ini'), `${settings.join('\n')}\n`);
  // It refuses to run as root, so another user must be able to read its files.
  await chmod(folder, 0o755);
  const asUser = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const child = spawn(PROGRAM, [...asUser, join(folder, 'pgbouncer.ini')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr?.on('data', (chunk) => {
    log += chunk;
  });
  await until('PgBouncer listens', async () => {
    if (child.exitCode !== null) throw new Error(`PgBouncer ended: ${log}`);
    return isListening(port);
  });
  return {
    through(url) {
      const changed = new URL(url);
      changed.host = `127.0.0.1:${port}`;
      return changed.href;
    },
    async stop() {
      await end(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type PostgresServer, startPostgres } from '../../local/postgres';
import { unprivilegedLauncher } from '../../local/unprivileged-user';

let running: Promise<PostgresServer> | undefined;

/**
 * The one PostgreSQL server of this mocha run, started on first use. It runs without fsync in a folder of
 * its own under the system's temporary directory, on a port of its own, and is gone with that folder when
 * the run ends, even by kill -9; so any number of runs can share a machine.
 */
export function testCluster(): Promise<PostgresServer> {
  running ??= start();
  return running;
}

/** Stops the server if this run started one. Called by the root hook. */
export async function stopTestCluster(): Promise<void> {
  const server = await running?.catch(() => undefined);
  running = undefined;
  await server?.stop();
}

async function start(): Promise<PostgresServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'logline-test-'));
  const { owner } = await unprivilegedLauncher(path.join(folder, 'data'), []);
  // The server's user must own the folder, since the guard that runs as that user deletes it.
  if (owner) await chown(folder, owner.uid, owner.gid);
  await mkdir(folder, { recursive: true });
  return startPostgres({
    dataDir: path.join(folder, 'data'),
    logFile: path.join(folder, 'postgres.log'),
    superuserPassword: randomBytes(16).toString('hex'),
    maxConnections: 200,
    durable: false,
    deleteAfterwards: folder,
  });
}

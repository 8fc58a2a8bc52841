import { randomBytes } from 'node:crypto';
import { chown, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type PostgresServer, startPostgres } from './postgres';
import { serverUser } from './unprivileged-user';

/**
 * Starts a PostgreSQL server for tests and tools: without fsync, in a temporary folder and on a free port. Server and
 * folder are removed when the caller stops it or exits, even by kill -9, so many can share a machine.
 */
export async function startThrowawayPostgres(): Promise<PostgresServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'logline-test-'));
  const user = await serverUser(path.join(folder, 'data'));
  // The guard runs as the server's user and deletes the folder, so that user must own it.
  if (user) await chown(folder, user.uid, user.gid);
  return startPostgres({
    dataDir: path.join(folder, 'data'),
    logFile: path.join(folder, 'postgres.log'),
    superuserPassword: randomBytes(16).toString('hex'),
    maxConnections: 200,
    durable: false,
    deleteAfterwards: folder,
  });
}

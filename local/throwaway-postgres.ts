import { randomBytes } from 'node:crypto';
import { chown, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type PostgresServer, startPostgres } from './postgres';
import { serverUser } from './unprivileged-user';

/**
 * A PostgreSQL server for tests and tools: without fsync, in a folder of its own under the system's temporary
 * directory and on a port of its own. Server and folder are gone when the caller stops it or ends, even by
 * kill -9, so any number of them can share a machine.
 */
export async function startThrowawayPostgres(): Promise<PostgresServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'logline-test-'));
  const user = await serverUser(path.join(folder, 'data'));
  // The server's user must own the folder, since the guard that runs as that user deletes it.
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

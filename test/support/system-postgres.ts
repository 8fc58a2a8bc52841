import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../local/free-port';
import { ensureLedgerDatabase, LEDGER_DATABASE, OWNER_ROLE } from '../../local/ledger-database';
import { serverUser } from '../../local/unprivileged-user';
import { withClient } from './sql-session';
import { until } from './until';

/** A PostgreSQL server from system packages (Debian's paths), with a database for a ledger. */
export interface SystemPostgres {
  /** URL of the owner of the ledger's database. */
  readonly ownerUrl: string;
  stop(): Promise<void>;
}

/** Path of the programs of a major version; undefined when it is not installed. */
export function systemPostgresBin(major: number): string | undefined {
  const bin = `/usr/lib/postgresql/${major}/bin`;
  return existsSync(path.join(bin, 'initdb')) ? bin : undefined;
}

export async function startSystemPostgres(bin: string): Promise<SystemPostgres> {
  const folder = await mkdtemp(path.join(tmpdir(), 'logline-system-'));
  const data = path.join(folder, 'data');
  const user = await serverUser(data);
  if (user) await chown(folder, user.uid, user.gid);
  const as = user === undefined ? { cwd: folder } : { cwd: folder, uid: user.uid, gid: user.gid };
  await promisify(execFile)(path.join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust'], as);
  const port = await freePort();
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'];
  const server: ChildProcess = spawn(
    path.join(bin, 'postgres'),
    ['-D', data, '-p', String(port), ...settings.flatMap((one) => ['-c', one])],
    { ...as, stdio: 'ignore' },
  );
  const superuserUrl = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await until('the server answers', () =>
    withClient(superuserUrl, async () => true).catch(() => {
      if (server.exitCode !== null) throw new Error(`postgres ended with ${server.exitCode}`);
      return false;
    }),
  );
  await ensureLedgerDatabase(superuserUrl, 'owner', LEDGER_DATABASE);
  return {
    ownerUrl: `postgres://${OWNER_ROLE}:owner@127.0.0.1:${port}/${LEDGER_DATABASE}`,
    async stop() {
      const ended = once(server, 'exit');
      server.kill('SIGQUIT');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

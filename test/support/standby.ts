import { randomBytes } from 'node:crypto';
import { appendFile, chown, cp, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { QueryResult } from 'pg';
import { passwordsOfRoles } from '../../local/key-file';
import { databaseUrl, ensureLedgerDatabase, LEDGER_DATABASE, OWNER_ROLE } from '../../local/ledger-database';
import { type PostgresServer, startPostgres } from '../../local/postgres';
import { serverUser } from '../../local/unprivileged-user';
import { type RoleKey, roleName } from '../../runtime/db/roles';
import { withClient } from './sql-session';
import { prepareTemplate } from './template-database';

/** A ledger's database with a streaming standby. */
export interface StandbyPair {
  readonly primary: PostgresServer;
  readonly standby: PostgresServer;
  /** URLs of `logline_app`. */
  readonly primaryUrl: string;
  readonly standbyUrl: string;
  /** URLs of each role. */
  readonly primaryUrls: Readonly<Record<RoleKey, string>>;
  readonly standbyUrls: Readonly<Record<RoleKey, string>>;
  /** Runs a statement as superuser. */
  onPrimary(sql: string): Promise<QueryResult>;
  onStandby(sql: string): Promise<QueryResult>;
  /** Runs work while the standby replays nothing. */
  paused<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Starts a server, and a standby from a cold copy of it. */
export async function startStandbyPair(): Promise<StandbyPair> {
  const folder = await mkdtemp(path.join(tmpdir(), 'logline-standby-'));
  const user = await serverUser(path.join(folder, 'primary'));
  if (user) await chown(folder, user.uid, user.gid);
  const superuserPassword = randomBytes(16).toString('hex');
  const ownerPassword = randomBytes(16).toString('hex');
  const passwords = passwordsOfRoles(() => randomBytes(16).toString('hex'));
  const start = (name: string) =>
    startPostgres({
      dataDir: path.join(folder, name),
      logFile: path.join(folder, `${name}.log`),
      superuserPassword,
      // Without synchronous_commit a commit would reach the standby 200 ms later.
    });
  const first = await start('primary');
  await ensureLedgerDatabase(first.superuserUrl('postgres'), ownerPassword);
  await prepareTemplate(databaseUrl(first.port, OWNER_ROLE, ownerPassword, LEDGER_DATABASE), passwords);
  await first.stop();
  const copy = path.join(folder, 'standby');
  await cp(path.join(folder, 'primary'), copy, { recursive: true, preserveTimestamps: true });
  const primary = await start('primary');
  await followPrimary(copy, primary.port, superuserPassword);
  if (user) await chownAll(copy, user);
  const standby = await start('standby');
  const urlsOf = ({ port }: PostgresServer) =>
    passwordsOfRoles((role) => databaseUrl(port, roleName(role), passwords[role], LEDGER_DATABASE));
  const [primaryUrls, standbyUrls] = [urlsOf(primary), urlsOf(standby)];
  const on = (server: PostgresServer, sql: string) =>
    withClient(server.superuserUrl(LEDGER_DATABASE), (client) => client.query(sql));
  return {
    primary,
    standby,
    primaryUrl: primaryUrls.app,
    standbyUrl: standbyUrls.app,
    primaryUrls,
    standbyUrls,
    onPrimary: (sql) => on(primary, sql),
    onStandby: (sql) => on(standby, sql),
    async paused(work) {
      await on(standby, 'SELECT pg_wal_replay_pause()');
      try {
        return await work();
      } finally {
        await on(standby, 'SELECT pg_wal_replay_resume()');
      }
    },
    async close() {
      await standby.stop();
      await primary.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function followPrimary(dataDir: string, port: number, password: string): Promise<void> {
  await writeFile(path.join(dataDir, 'standby.signal'), '');
  await appendFile(
    path.join(dataDir, 'postgresql.auto.conf'),
    `primary_conninfo = 'host=127.0.0.1 port=${port} user=postgres password=${password}'\n`,
  );
  await stat(path.join(dataDir, 'PG_VERSION'));
}

async function chownAll(folder: string, user: { readonly uid: number; readonly gid: number }): Promise<void> {
  await chown(folder, user.uid, user.gid);
  for (const name of await readdir(folder, { recursive: true }))
    await chown(path.join(folder, name), user.uid, user.gid);
}

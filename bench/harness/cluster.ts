import { randomBytes } from 'node:crypto';
import { chown, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { escapeIdentifier } from 'pg';
import { databaseUrl, ensureLedgerDatabase, OWNER_ROLE } from '../../local/ledger-database';
import { startPostgres } from '../../local/postgres';
import { serverUser } from '../../local/unprivileged-user';
import { migrate } from '../../runtime/db/migrate';
import { roleName } from '../../runtime/db/roles';
import { withClient } from '../../test/support/sql-session';
import { treeCpuSeconds } from './cpu-time';

/** A database of its own for one bench: migrated, empty. */
export interface BenchDatabase {
  readonly name: string;
  /** URL of `logline_owner`. */
  readonly ownerUrl: string;
  /** URL of `logline_app`. */
  readonly appUrl: string;
  /** URL of `logline_kernel`. */
  readonly kernelUrl: string;
  readonly appPassword: string;
  readonly superuserUrl: string;
  drop(): Promise<void>;
}

/** The PostgreSQL server of a run: embedded, with the settings of `npm start`, durable. */
export interface BenchCluster {
  readonly port: number;
  createDatabase(): Promise<BenchDatabase>;
  /** Processor seconds used so far; undefined where the system does not report them. */
  cpuSeconds(): number | undefined;
  /** Version and the settings that decide durability and memory, as the server reports them. */
  settings(): Promise<Readonly<Record<string, string>>>;
  stop(): Promise<void>;
}

const REPORTED_SETTINGS = [
  'server_version',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_level',
  'shared_buffers',
  'max_wal_size',
];

/** Starts the server; its folder is deleted when this process ends, even by kill -9. */
export async function startCluster(): Promise<BenchCluster> {
  const folder = await mkdtemp(path.join(tmpdir(), 'logline-bench-'));
  const user = await serverUser(path.join(folder, 'data'));
  if (user) await chown(folder, user.uid, user.gid);
  const server = await startPostgres({
    dataDir: path.join(folder, 'data'),
    logFile: path.join(folder, 'postgres.log'),
    superuserPassword: randomBytes(16).toString('hex'),
    maxConnections: 300,
    durable: true,
    deleteAfterwards: folder,
  });
  const ownerPassword = randomBytes(16).toString('hex');
  // Roles belong to the whole server, so the password is the same in every database of the run.
  const appPassword = randomBytes(16).toString('hex');
  return {
    port: server.port,
    cpuSeconds: () => treeCpuSeconds(server.pid),
    settings: () =>
      withClient(server.superuserUrl('postgres'), async (client) => {
        const { rows } = await client.query<{ name: string; setting: string }>(
          `SELECT name, current_setting(name) AS setting FROM unnest($1::text[]) AS name`,
          [REPORTED_SETTINGS],
        );
        return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
      }),
    async createDatabase() {
      const name = `bench_${randomBytes(4).toString('hex')}`;
      await ensureLedgerDatabase(server.superuserUrl('postgres'), ownerPassword, name);
      const ownerUrl = databaseUrl(server.port, OWNER_ROLE, ownerPassword, name);
      await migrate({
        admin: { connectionString: ownerUrl },
        passwords: { app: appPassword, kernel: appPassword },
        // Several ledgers live on this server, each with roles of its own.
        rolePrefix: name,
      });
      return {
        name,
        ownerUrl,
        appUrl: databaseUrl(server.port, roleName('app', name), appPassword, name),
        kernelUrl: databaseUrl(server.port, roleName('kernel', name), appPassword, name),
        appPassword,
        superuserUrl: server.superuserUrl(name),
        drop: () =>
          withClient(server.superuserUrl('postgres'), async (client) => {
            await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`);
          }),
      };
    },
    stop: () => server.stop(),
  };
}

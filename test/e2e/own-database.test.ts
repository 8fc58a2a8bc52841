import assert from 'node:assert/strict';
import path from 'node:path';
import { startPostgres } from '../../local/postgres';
import { append } from '../support/api';
import { cleanUp, type LocalRun, runCommand, startLocalRun, temporaryFolder } from '../support/local-run';
import { withClient } from '../support/sql-session';
import { type SystemPostgres, startSystemPostgres, systemPostgresBin } from '../support/system-postgres';
import { createEmptyDatabase, type TestDatabase } from '../support/test-database';

describe('backup and restore of a ledger with a DATABASE_URL', function () {
  this.timeout(240_000);
  let folder: string;
  const databases: TestDatabase[] = [];
  let run: LocalRun | undefined;

  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(async () => {
    await run?.stop();
    await cleanUp(folder);
    for (const database of databases.splice(0)) await database.drop();
  });

  /** A database of its own, as another server would be, with roles of its own. */
  const place = async (prefix: string, data: string) => {
    const database = await createEmptyDatabase();
    databases.push(database);
    return {
      DATABASE_URL: database.adminUrl,
      LOGLINE_ROLE_PREFIX: prefix,
      LOGLINE_DATA: path.join(folder, data),
      LOGLINE_BACKUP_PASSPHRASE: 'a passphrase of a test',
    };
  };

  const succeed = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> => {
    const { code, stdout, stderr } = await runCommand(args, { env });
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  };

  const notesOf = (url: string): Promise<string | undefined> =>
    withClient(url, async (client) => {
      const { rows } = await client.query<{ notes: string }>(
        `SELECT count(*)::text AS notes FROM ledger.universal_registry WHERE entity_type = 'note'`,
      );
      return rows[0]?.notes;
    });

  it('backs up every span as the backup role while it runs, and restores into an empty database', async () => {
    const from = await place('own_from', 'from');
    run = await startLocalRun(from.LOGLINE_DATA, { env: from });
    await append(run.url, run.token, { entity_type: 'note', who: 'dev', this: 'kept' });
    const file = path.join(folder, 'ledger.backup');
    const written = JSON.parse(await succeed(['backup', '--out', file, '--with-keys', '--json'], from));
    assert.deepEqual(written.faults, []);
    await run.stop();
    run = undefined;

    const to = await place('own_to', 'to');
    const restored = JSON.parse(await succeed(['restore', file, '--json'], to));
    assert.deepEqual(restored.faults, []);
    assert.ok(restored.spans > 1);
    assert.equal(restored.spans, written.rows['ledger.universal_registry']);
    const again = await runCommand(['restore', file], { env: to });
    assert.notEqual(again.code, 0, 'a database with a ledger is no empty place');
    run = await startLocalRun(to.LOGLINE_DATA, { env: to });
    assert.match(await succeed(['verify'], to), /OK: /);
    const notes = await Promise.all(databases.map(({ superuserUrl }) => notesOf(superuserUrl)));
    assert.deepEqual(notes, ['1', '1']);
  });

  it('copies the data folder for a role that may replicate, and makes a server good that was started on it', async () => {
    const from = await place('own_base', 'from');
    run = await startLocalRun(from.LOGLINE_DATA, { env: from });
    await append(run.url, run.token, { entity_type: 'note', who: 'dev', this: 'kept' });
    const file = path.join(folder, 'ledger.base.tar.gz');
    const refused = await runCommand(['backup', '--base', '--out', file], { env: from });
    assert.match(refused.stderr, /may not copy the server's data folder .*REPLICATION/);
    const superuserUrl = databases[0]?.superuserUrl ?? '';
    const copied = await runCommand(['backup', '--base', '--out', file], {
      env: { ...from, DATABASE_URL: superuserUrl },
    });
    assert.equal(copied.code, 0, copied.stderr);
    assert.doesNotMatch(copied.stderr, /Warning/);
    await run.stop();
    run = undefined;

    const unpacked = path.join(folder, 'unpacked');
    await succeed(['restore', file, '--unpack', unpacked], from);
    const server = await startPostgres({
      dataDir: unpacked,
      logFile: path.join(folder, 'postgres.log'),
      superuserPassword: decodeURIComponent(new URL(superuserUrl).password),
      durable: false,
    });
    try {
      const there = { ...from, DATABASE_URL: server.superuserUrl(new URL(superuserUrl).pathname.slice(1)) };
      const restored = JSON.parse(await succeed(['restore', file, '--json'], there));
      assert.deepEqual(restored.faults, []);
      assert.equal(await notesOf(there.DATABASE_URL), '1');
      const empty = { ...there, DATABASE_URL: server.superuserUrl('postgres') };
      assert.match((await runCommand(['restore', file], { env: empty })).stderr, /holds no ledger yet/);
    } finally {
      await server.stop();
    }
  });
});

describe("Debian's PostgreSQL 15", function () {
  this.timeout(240_000);
  let folder: string;
  let server: SystemPostgres | undefined;

  before(async function () {
    const bin = systemPostgresBin(15);
    if (bin === undefined) {
      console.log('      needs PostgreSQL 15 (apt-get install postgresql-15)');
      this.skip();
    }
    folder = await temporaryFolder();
    server = await startSystemPostgres(bin);
  });
  after(async () => {
    if (server === undefined) return;
    await cleanUp(folder);
    await server.stop();
  });

  it('carries a ledger: start, append, run, seal, verify, backup, restore in a fresh folder of the embedded server', async () => {
    assert.ok(server);
    const env = {
      DATABASE_URL: server.ownerUrl,
      LOGLINE_DATA: path.join(folder, 'ledger'),
      LOGLINE_BACKUP_PASSPHRASE: 'a passphrase of a test',
    };
    const succeed = async (args: readonly string[], more: object = {}): Promise<string> => {
      const { code, stdout, stderr } = await runCommand(args, { env: { ...env, ...more } });
      assert.equal(code, 0, stdout + stderr);
      return stdout;
    };
    const run = await startLocalRun(env.LOGLINE_DATA, { env });
    await append(run.url, run.token, { entity_type: 'note', who: 'dev', this: 'on 15' });
    assert.match(await succeed(['smoke', '--url', run.url, '--token', run.token]), /passed|OK/i);
    assert.match(
      await succeed(['verify', '--url', run.url, '--token', run.token]),
      /OK: the log of tenant dev/,
    );
    const file = path.join(folder, 'ledger.backup');
    await succeed(['backup', '--out', file, '--with-keys']);
    await run.stop();
    const embedded = { DATABASE_URL: '', LOGLINE_DATA: path.join(folder, 'embedded') };
    assert.match(await succeed(['restore', file], embedded), /OK: \d+ spans/);
  });
});

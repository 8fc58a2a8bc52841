import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { passwordsOfRoles } from '../../local/key-file';
import { databaseUrl } from '../../local/ledger-database';
import { ConfigurationError } from '../../runtime/base/errors';
import { asRole } from '../../runtime/db/database-options';
import { migrate } from '../../runtime/db/migrate';
import { ROLE_KEYS, roleName } from '../../runtime/db/roles';
import { rolesSql } from '../../runtime/db/roles-sql';
import { insertRow, inTransaction, rawRow, refusalOf, withClient } from '../support/sql-session';
import { testCluster } from '../support/test-cluster';
import { createEmptyDatabase, type TestDatabase } from '../support/test-database';

const newPasswords = () => passwordsOfRoles(() => randomBytes(12).toString('hex'));

describe('roles of a server', function () {
  this.timeout(60_000);
  const prefix = `p${randomBytes(4).toString('hex')}`;
  const owner = `${prefix}_plain_owner`;
  const databases: TestDatabase[] = [];
  const empty = async (): Promise<TestDatabase> => {
    const database = await createEmptyDatabase();
    databases.push(database);
    return database;
  };
  const asSuperuser = async (text: string): Promise<void> => {
    await withClient((await testCluster()).superuserUrl('postgres'), (client) => client.query(text));
  };
  /** Asserts that each role can log in with its password. */
  const logIn = async (database: TestDatabase, passwords: Record<string, string>): Promise<void> => {
    for (const key of ROLE_KEYS) {
      const admin = { connectionString: database.adminUrl };
      const { connectionString = '' } = asRole(admin, roleName(key, prefix), passwords[key] ?? '');
      await withClient(connectionString, (client) => client.query('SELECT 1'));
    }
  };
  const dropRoles = (): Promise<void> =>
    asSuperuser(ROLE_KEYS.map((key) => `DROP ROLE IF EXISTS ${roleName(key, prefix)}`).join(';'));

  afterEach(async () => {
    for (const database of databases.splice(0)) await database.drop();
    await dropRoles();
    await asSuperuser(`DROP ROLE IF EXISTS ${owner}`);
  });

  it('with a prefix a ledger gets roles of its own, and its rows are under their policies', async () => {
    const database = await empty();
    const passwords = newPasswords();
    await migrate({ admin: { connectionString: database.adminUrl }, rolePrefix: prefix, passwords });
    await logIn(database, passwords);
    const { connectionString = '' } = asRole(
      { connectionString: database.adminUrl },
      roleName('app', prefix),
      passwords.app,
    );
    await withClient(connectionString, async (app) => {
      await inTransaction(app, { user: 'alice', tenant: 'acme' }, () => insertRow(app, rawRow()));
      assert.equal((await app.query('SELECT FROM ledger.universal_registry')).rowCount, 0);
    });
    assert.equal(
      await withClient(database.urls.app, (app) =>
        refusalOf(app.query('SELECT FROM ledger.universal_registry')),
      ),
      '42501',
      'the roles without the prefix have no right here',
    );
  });

  it('a second ledger is refused roles that serve another, and leaves their passwords alone', async () => {
    const [first, second] = [await empty(), await empty()];
    const passwords = newPasswords();
    const options = { rolePrefix: prefix };
    await migrate({ ...options, admin: { connectionString: first.adminUrl }, passwords });
    await assert.rejects(
      migrate({ ...options, admin: { connectionString: second.adminUrl }, passwords: newPasswords() }),
      (error: Error) =>
        error instanceof ConfigurationError &&
        /belong to the ledger in database test_\w+; set LOGLINE_ROLE_PREFIX/.test(error.message) &&
        !error.message.includes('\n'),
    );
    await logIn(first, passwords);
    await migrate({ ...options, admin: { connectionString: first.adminUrl }, passwords });
  });

  it('a dropped database leaves the roles to the next one', async () => {
    const first = await empty();
    const options = { rolePrefix: prefix };
    await migrate({ ...options, admin: { connectionString: first.adminUrl }, passwords: newPasswords() });
    await first.drop();
    const second = await empty();
    const passwords = newPasswords();
    await migrate({ ...options, admin: { connectionString: second.adminUrl }, passwords });
    await logIn(second, passwords);
  });

  it('no password reaches the server’s log, even when every statement is logged', async () => {
    const database = await empty();
    const passwords = newPasswords();
    const name = new URL(database.adminUrl).pathname.slice(1);
    await asSuperuser(`ALTER DATABASE ${name} SET log_statement = 'all'`);
    await migrate({ admin: { connectionString: database.adminUrl }, rolePrefix: prefix, passwords });
    const log = await serverLog(database);
    assert.match(log, new RegExp(`ALTER ROLE "${roleName('app', prefix)}" LOGIN PASSWORD`));
    for (const password of Object.values(passwords)) assert.ok(!log.includes(password));
  });

  it('errors of clients leave nothing in the server’s log, which is never rotated', async () => {
    const database = await empty();
    const marker = `none_${randomBytes(8).toString('hex')}`;
    await assert.rejects(withClient(database.adminUrl, (client) => client.query(`SELECT ${marker}`)));
    await withClient(database.adminUrl, (client) =>
      client.query(`DO $$ BEGIN RAISE LOG '${marker} seen'; END $$`),
    );
    const lines = (await serverLog(database)).split('\n').filter((line) => line.includes(marker));
    assert.equal(
      lines.filter((line) => /(ERROR|STATEMENT):.*SELECT|does not exist/.test(line)).length,
      0,
      lines.join('\n'),
    );
    assert.ok(lines.some((line) => line.includes(`LOG:  ${marker} seen`)));
  });

  const serverLog = async (database: TestDatabase): Promise<string> => {
    const folder = await withClient(database.superuserUrl, async (superuser) => {
      const { rows } = await superuser.query("SELECT current_setting('data_directory') AS folder");
      return path.dirname(String(rows[0]?.folder));
    });
    return readFile(path.join(folder, 'postgres.log'), 'utf8');
  };

  describe('an owner without CREATEROLE', () => {
    const ownerUrl = async (database: TestDatabase): Promise<string> => {
      const name = new URL(database.adminUrl).pathname.slice(1);
      await asSuperuser(
        `CREATE ROLE ${owner} LOGIN PASSWORD 'owner'; ALTER DATABASE ${name} OWNER TO ${owner}`,
      );
      return databaseUrl((await testCluster()).port, owner, 'owner', name);
    };

    it('gets a one-line message with the remedy', async () => {
      const database = await empty();
      const admin = { connectionString: await ownerUrl(database) };
      await assert.rejects(
        migrate({ admin, rolePrefix: prefix, passwords: newPasswords() }),
        (error: Error) =>
          error instanceof ConfigurationError &&
          /is missing and this owner may not make it: .*npx logline roles --print/.test(error.message),
      );
    });

    it('can start once the printed file has been run, which may be run twice', async () => {
      const database = await empty();
      const admin = { connectionString: await ownerUrl(database) };
      const passwords = newPasswords();
      await withClient(database.superuserUrl, async (superuser) => {
        await superuser.query(rolesSql(prefix, passwords));
        await superuser.query(rolesSql(prefix, passwords));
      });
      const lines: string[] = [];
      await migrate({ admin, rolePrefix: prefix, passwords, onProgress: (line) => lines.push(line) });
      await logIn(database, passwords);
      assert.deepEqual(
        lines.filter((line) => line.includes('may not')),
        [],
      );
    });
  });
});

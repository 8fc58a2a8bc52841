import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConfigurationError } from '../../runtime/base/errors';
import type { DatabaseOptions } from '../../runtime/db/database-options';
import { migrate, migrationStatus } from '../../runtime/db/migrate';
import { migrationFiles } from '../../runtime/db/migration-files';
import { sqlFolder } from '../../runtime/db/sql-folder';
import { withClient } from '../support/sql-session';
import { createEmptyDatabase, type TestDatabase, testPasswords } from '../support/test-database';

const FILES = migrationFiles(sqlFolder()).map((file) => file.name);

describe('migrations', () => {
  let database: TestDatabase;
  let admin: DatabaseOptions;
  let folder: string;
  beforeEach(async () => {
    database = await createEmptyDatabase();
    admin = { connectionString: database.adminUrl };
    folder = await mkdtemp(path.join(tmpdir(), 'logline-sql-'));
    await cp(sqlFolder(), folder, { recursive: true });
  });
  afterEach(async () => {
    await database.drop();
    await rm(folder, { recursive: true });
  });

  const add = (name: string, text: string) => writeFile(path.join(folder, `${name}.sql`), text);
  /** Names of schemas and relations except PostgreSQL's own. */
  const relations = (): Promise<string[]> =>
    withClient(database.superuserUrl, async (client) => {
      const { rows } = await client.query(`
        SELECT nspname || '.' || relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'v') ORDER BY 1`);
      return rows.map((row) => row.name);
    });

  it('four instances that start at once on an empty database apply each file once, and all succeed', async () => {
    const lines: string[] = [];
    const passwords = testPasswords();
    const applied = await Promise.all(
      Array.from({ length: 4 }, () =>
        migrate({ admin, passwords, sharesRoles: true, onProgress: (line) => lines.push(line) }),
      ),
    );
    assert.deepEqual(applied.flat(), FILES);
    assert.equal(applied.filter((names) => names.length > 0).length, 1, 'one instance did all of it');
    assert.deepEqual(
      lines.filter((line) => line.startsWith('applied migration')),
      FILES.map((name) => `applied migration ${name}`),
    );
    await withClient(database.appUrl, (app) => app.query('SELECT FROM ledger.visible_timeline'));
    assert.deepEqual(await migrate({ admin }), []);
  });

  it('a role logline_app with too many rights stops the first one', async () => {
    await withClient(database.superuserUrl, (superuser) =>
      superuser.query('ALTER ROLE logline_app BYPASSRLS'),
    );
    try {
      await assert.rejects(migrate({ admin }), /logline_app is superuser or has BYPASSRLS/);
    } finally {
      await withClient(database.superuserUrl, (superuser) =>
        superuser.query('ALTER ROLE logline_app NOBYPASSRLS'),
      );
    }
    assert.equal((await migrate({ admin })).length, FILES.length);
  });

  it('a database that a later version migrated is refused as newer, not as broken', async () => {
    await add('900000_later', 'CREATE TABLE app.later (a int)');
    await migrate({ admin, folder });
    await rm(path.join(folder, '900000_later.sql'));
    await assert.rejects(migrate({ admin, folder }), (error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.match(error.message, /newer than this program: it has migrations up to 900000_later/);
      return true;
    });
  });

  it('one that was edited after it was applied is refused by name, and nothing else is applied', async () => {
    await migrate({ admin, folder });
    const edited = FILES[1] ?? '';
    const file = path.join(folder, `${edited}.sql`);
    await writeFile(file, `${await readFile(file, 'utf8')}\n-- a harmless comment\n`);
    await add('900000_later', 'CREATE TABLE app.later (a int)');
    await assert.rejects(migrate({ admin, folder }), (error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.match(error.message, new RegExp(`sql/${edited}\\.sql was edited after it was applied`));
      return true;
    });
    assert.ok(!(await relations()).includes('app.later'));
    const status = await migrationStatus(admin, folder);
    assert.deepEqual(
      status.filter((one) => one.edited || !one.applied),
      [
        { name: edited, applied: true, edited: true },
        { name: '900000_later', applied: false, edited: false },
      ],
    );
  });

  it('a failing one rolls back the whole run', async () => {
    await migrate({ admin, folder });
    const before = await relations();
    await add('900000_fine', 'CREATE TABLE app.fine (a int)');
    await add(
      '900001_broken',
      'CREATE TABLE app.half (a int); SELECT 1 / 0; CREATE TABLE app.other_half (a int)',
    );
    await assert.rejects(migrate({ admin, folder }), /sql\/900001_broken\.sql failed: division by zero/);
    assert.deepEqual(await relations(), before);
    await add('900001_broken', 'CREATE TABLE app.half (a int)');
    assert.deepEqual(await migrate({ admin, folder }), ['900000_fine', '900001_broken']);
  });

  it('the very first run that fails leaves an empty database that can be migrated', async () => {
    await add('900000_broken', 'no sql at all');
    await assert.rejects(migrate({ admin, folder }), /900000_broken/);
    assert.ok(!(await relations()).some((name) => name.startsWith('ledger.')));
    assert.equal((await migrate({ admin })).length, FILES.length);
  });

  it('one that was applied and is gone is refused', async () => {
    await add('900000_gone', 'SELECT 1');
    await migrate({ admin, folder });
    await rm(path.join(folder, '900000_gone.sql'));
    await assert.rejects(migrate({ admin, folder }), ConfigurationError);
  });

  it('one that sorts before an applied one is refused', async () => {
    await migrate({ admin, folder });
    await add('000001_a_before', 'CREATE TABLE app.slipped (a int)');
    await assert.rejects(migrate({ admin, folder }), ConfigurationError);
    assert.ok(!(await relations()).includes('app.slipped'));
  });

  it('status of an empty database lists all migrations as pending, and changes nothing', async () => {
    assert.deepEqual(
      await migrationStatus(admin),
      FILES.map((name) => ({ name, applied: false, edited: false })),
    );
    assert.deepEqual(await relations(), []);
  });

  it('files that are no migrations are passed over', async () => {
    await writeFile(path.join(folder, 'README.md'), 'text');
    await writeFile(path.join(folder, '1_short.sql'), 'no sql');
    await writeFile(path.join(folder, '000099_Upper.sql'), 'no sql');
    assert.deepEqual(
      migrationFiles(folder).map((file) => file.name),
      FILES,
    );
  });
});

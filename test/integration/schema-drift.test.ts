import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { generateDatabaseTypes } from '../../cli/generate/database-types';
import { generateSchemaSnapshot } from '../../cli/generate/schema-snapshot';
import { withClient } from '../support/sql-session';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const ROOT = path.resolve(__dirname, '..', '..');

describe('schema drift', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  const snapshot = async (): Promise<string> => (await generateSchemaSnapshot(database))[0]?.text ?? '';
  const snapshotAfter = (change: string, undo: string): Promise<string> =>
    withClient(database.superuserUrl, async (superuser) => {
      await superuser.query(change);
      try {
        return await snapshot();
      } finally {
        await superuser.query(undo);
      }
    });

  it('the Database interface and the snapshot match the migrations', async () => {
    for (const file of [
      ...(await generateDatabaseTypes(database)),
      ...(await generateSchemaSnapshot(database)),
    ]) {
      assert.equal(
        await readFile(path.join(ROOT, file.path), 'utf8'),
        file.text,
        `${file.path}: run npm run generate`,
      );
    }
  });

  const table = 'ledger.universal_registry';
  const changes: readonly (readonly [string, string])[] = [
    [`ALTER TABLE ${table} ADD COLUMN extra int`, `ALTER TABLE ${table} DROP COLUMN extra`],
    [
      `ALTER TABLE ${table} ALTER COLUMN status SET NOT NULL`,
      `ALTER TABLE ${table} ALTER COLUMN status DROP NOT NULL`,
    ],
    [
      `ALTER TABLE ${table} ADD CONSTRAINT extra CHECK (seq < 9)`,
      `ALTER TABLE ${table} DROP CONSTRAINT extra`,
    ],
    [`CREATE INDEX extra ON ${table} (who)`, 'DROP INDEX ledger.extra'],
    [`ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY`, `ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`],
    [`CREATE POLICY extra ON ${table} USING (true)`, `DROP POLICY extra ON ${table}`],
    [
      `ALTER TABLE ${table} ENABLE TRIGGER append_only`,
      `ALTER TABLE ${table} ENABLE ALWAYS TRIGGER append_only`,
    ],
    [
      `GRANT UPDATE (status) ON ${table} TO logline_app`,
      `REVOKE UPDATE (status) ON ${table} FROM logline_app`,
    ],
    [`GRANT DELETE ON app.deletion TO PUBLIC`, `REVOKE DELETE ON app.deletion FROM PUBLIC`],
    [
      'ALTER VIEW ledger.visible_timeline SET (security_invoker = false)',
      'ALTER VIEW ledger.visible_timeline SET (security_invoker = true)',
    ],
    [
      `CREATE FUNCTION app.extra() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1`,
      'DROP FUNCTION app.extra()',
    ],
    ['ALTER ROLE logline_app CREATEDB', 'ALTER ROLE logline_app NOCREATEDB'],
  ];
  for (const [change, undo] of changes) {
    it(`the snapshot shows: ${change}`, async () => {
      const before = await snapshot();
      assert.notEqual(await snapshotAfter(change, undo), before);
      assert.equal(await snapshot(), before);
    });
  }
});

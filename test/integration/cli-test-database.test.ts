import assert from 'node:assert/strict';
import { Client } from 'pg';
import { createEmptyDatabase, createTestDatabase } from '../support/test-database';

describe('test database', () => {
  it('gives every caller a database of its own', async () => {
    const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    assert.notEqual(one.adminUrl, two.adminUrl);
    await Promise.all([one.drop(), two.drop()]);
  });

  it('is owned by a role that can neither be superuser nor bypass row-level security', async () => {
    const database = await createEmptyDatabase();
    const client = new Client({ connectionString: database.adminUrl });
    await client.connect();
    const { rows } = await client.query(
      'SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user',
    );
    await client.end();
    await database.drop();
    assert.deepEqual(rows, [{ rolsuper: false, rolbypassrls: false }]);
  });
});

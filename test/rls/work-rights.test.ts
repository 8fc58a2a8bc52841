import assert from 'node:assert/strict';
import { inTransaction, refusalOf, withClient } from '../support/sql-session';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const INSUFFICIENT_PRIVILEGE = '42501';

describe('work tables, by SQL as logline_app', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  it('it writes only those that it counts in, or remembers keys and emissions in', async () => {
    const { rows } = await withClient(database.superuserUrl, (superuser) =>
      superuser.query(`
        SELECT c.relname || ' ' || verb AS may
          FROM pg_class c, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS verb
         WHERE c.relnamespace = 'app'::regnamespace AND c.relkind = 'r'
           AND (has_table_privilege('logline_app', c.oid, verb)
             OR verb IN ('INSERT', 'UPDATE') AND has_any_column_privilege('logline_app', c.oid, verb))
         ORDER BY 1`),
    );
    assert.deepEqual(
      rows.map(({ may }) => may),
      [
        'append_usage INSERT',
        'append_usage UPDATE',
        'execution_quota INSERT',
        'execution_quota UPDATE',
        'idempotency_key DELETE',
        'idempotency_key INSERT',
        'policy_cursor UPDATE',
        'policy_emission INSERT',
      ],
    );
  });

  it('when jobs ran is for everybody, what they counted is not', async () => {
    const asApp = (text: string) =>
      withClient(database.appUrl, (app) =>
        inTransaction(app, { user: 'alice', tenant: 'acme' }, () => app.query(text)),
      );
    await asApp('SELECT job, started_at, ended_at, outcome FROM app.job_run');
    assert.equal(await refusalOf(asApp('SELECT detail FROM app.job_run')), INSUFFICIENT_PRIVILEGE);
  });
});

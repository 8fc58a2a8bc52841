import assert from 'node:assert/strict';
import { withClient } from '../support/sql-session';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { rowSecurityFaults } from './row-security-faults';

describe('catalogue', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  /** What the catalogue says after `change`, which is undone again. */
  const faultsAfter = (change: string): Promise<string[]> =>
    withClient(database.adminUrl, async (client) => {
      await client.query('BEGIN');
      await client.query(change);
      const faults = await rowSecurityFaults(client);
      await client.query('ROLLBACK');
      return faults;
    });

  it('every table of ledger has row-level security enabled and forced, every view is security_invoker', async () => {
    assert.deepEqual(await withClient(database.adminUrl, rowSecurityFaults), []);
  });

  const holes: readonly (readonly [string, RegExp])[] = [
    ['CREATE TABLE ledger.extra (a int)', /extra table: row-level security is not enabled/],
    [
      'CREATE TABLE ledger.extra (a int); ALTER TABLE ledger.extra ENABLE ROW LEVEL SECURITY',
      /extra table: row-level security is not forced/,
    ],
    [
      'CREATE TABLE ledger.extra (a int); ALTER TABLE ledger.extra ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON ledger.extra USING (true)',
      /policy p on extra: holds for all rows/,
    ],
    ['CREATE VIEW ledger.extra AS TABLE ledger.universal_registry', /extra view: is not security_invoker/],
    ['ALTER VIEW ledger.visible_timeline SET (security_invoker = false)', /visible_timeline view/],
    ['CREATE MATERIALIZED VIEW ledger.extra AS SELECT 1', /extra materialized view/],
    [
      'ALTER TABLE ledger.universal_registry NO FORCE ROW LEVEL SECURITY',
      /universal_registry table: .* not forced/,
    ],
    [
      'ALTER TABLE ledger.universal_registry DISABLE ROW LEVEL SECURITY',
      /universal_registry table: .* not enabled/,
    ],
    [
      `CREATE POLICY p ON ledger.universal_registry USING (owner_id IS NOT DISTINCT FROM current_setting('app.user_id', true))`,
      /policy p on universal_registry: compares identities so that two NULLs match/,
    ],
  ];
  for (const [change, expected] of holes) {
    it(`notices: ${change}`, async () => {
      assert.match((await faultsAfter(change)).join('\n'), expected);
    });
  }

  it('logline_app bypasses nothing, owns nothing and belongs to no other role', async () => {
    const { rows } = await withClient(database.superuserUrl, (client) =>
      client.query(`
        SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,
               (SELECT count(*)::int FROM pg_class WHERE relowner = r.oid) AS relations,
               (SELECT count(*)::int FROM pg_proc WHERE proowner = r.oid) AS functions,
               (SELECT count(*)::int FROM pg_namespace WHERE nspowner = r.oid) AS schemas,
               (SELECT count(*)::int FROM pg_auth_members WHERE member = r.oid) AS memberships
          FROM pg_roles r WHERE rolname = 'logline_app'`),
    );
    assert.deepEqual(rows, [
      {
        rolsuper: false,
        rolbypassrls: false,
        rolcreaterole: false,
        rolcreatedb: false,
        rolreplication: false,
        relations: 0,
        functions: 0,
        schemas: 0,
        memberships: 0,
      },
    ]);
  });

  it('on ledger logline_app may SELECT and INSERT and nothing else, and PUBLIC may do nothing', async () => {
    const { rows } = await withClient(database.superuserUrl, (client) =>
      client.query(`
        WITH acl AS (
          SELECT aclexplode(c.relacl) AS x FROM pg_class c WHERE c.relnamespace = 'ledger'::regnamespace
          UNION ALL
          SELECT aclexplode(a.attacl) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
           WHERE c.relnamespace = 'ledger'::regnamespace
          UNION ALL
          SELECT aclexplode(n.nspacl) FROM pg_namespace n WHERE n.nspname IN ('ledger', 'app')
        )
        SELECT DISTINCT coalesce(r.rolname, 'PUBLIC') AS grantee, (x).privilege_type AS privilege
          FROM acl LEFT JOIN pg_roles r ON r.oid = (x).grantee
         WHERE r.rolname IS NULL OR r.rolname <> 'logline_owner' ORDER BY 1, 2`),
    );
    assert.deepEqual(rows, [
      { grantee: 'logline_app', privilege: 'INSERT' },
      { grantee: 'logline_app', privilege: 'SELECT' },
      { grantee: 'logline_app', privilege: 'USAGE' },
    ]);
  });

  it('a function that runs with its owner’s rights pins its search path and cannot be called by anyone', async () => {
    const { rows } = await withClient(database.superuserUrl, (client) =>
      client.query(`
        SELECT p.oid::regprocedure::text AS name, p.proconfig AS config,
               has_function_privilege('logline_app', p.oid, 'EXECUTE') AS by_app,
               p.prorettype = 'trigger'::regtype AS is_trigger
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname IN ('ledger', 'app') AND p.prosecdef ORDER BY 1`),
    );
    assert.ok(rows.length > 0);
    for (const row of rows) {
      assert.match(String(row.config), /search_path=pg_catalog/, row.name);
      assert.ok(row.is_trigger && !row.by_app, `${row.name} must be a trigger function out of app's reach`);
    }
  });

  it('every column of a span but none of the row’s own can be inserted by app', async () => {
    const { rows } = await withClient(database.superuserUrl, (client) =>
      client.query(`
        SELECT attname FROM pg_attribute
         WHERE attrelid = 'ledger.universal_registry'::regclass AND attnum > 0
           AND NOT has_column_privilege('logline_app', attrelid, attnum, 'INSERT') ORDER BY 1`),
    );
    assert.deepEqual(
      rows.map((row) => row.attname),
      ['audience', 'ordinal', 'tx_id'],
    );
  });
});

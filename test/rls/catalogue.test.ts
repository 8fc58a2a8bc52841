import assert from 'node:assert/strict';
import { connectionLimit, ROLE_KEYS, ROLES, roleName } from '../../runtime/db/roles';
import { withClient } from '../support/sql-session';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { rowSecurityFaults } from './row-security-faults';

describe('catalogue', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  /** Faults in the catalogue after `change`, which is rolled back. */
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
      'CREATE POLICY p ON app.span_relation FOR DELETE USING (at < now())',
      /policy p on span_relation: names no role/,
    ],
    [
      'CREATE TABLE app.extra (a int); ALTER TABLE app.extra ENABLE ROW LEVEL SECURITY',
      /app.extra: logline_backup cannot read all of it/,
    ],
    [
      `CREATE FUNCTION app.extra() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'`,
      /function app.extra\(\): its search path is not pinned/,
    ],
    [
      // A caller's own pg_temp comes first where the path does not name it.
      `CREATE FUNCTION app.extra() RETURNS int LANGUAGE plpgsql SET search_path = pg_catalog AS 'BEGIN RETURN 1; END'`,
      /function app.extra\(\): its search path is not pinned/,
    ],
    [
      'CREATE FUNCTION app.extra() RETURNS int LANGUAGE sql RETURN 1; GRANT EXECUTE ON FUNCTION app.extra() TO PUBLIC',
      /function app.extra\(\): everybody may call it/,
    ],
    [
      'ALTER TABLE ledger.universal_registry ENABLE TRIGGER append_only',
      /trigger append_only on universal_registry: a replicating session skips it/,
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

  for (const key of ROLE_KEYS) {
    const name = roleName(key);
    it(`${name} bypasses nothing, owns nothing, inherits nothing and has its own limit of connections`, async () => {
      const { rows } = await withClient(database.superuserUrl, (client) =>
        client.query(
          `SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication OR rolinherit AS may_more,
                  rolpassword LIKE 'SCRAM-SHA-256$%' AS has_password, rolconnlimit AS limit,
                  current_setting('max_connections')::int AS max,
                  (SELECT count(*)::int FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = r.oid
                                                           AND deptype = 'o') AS owned,
                  (SELECT count(*)::int FROM pg_auth_members WHERE member = r.oid) AS memberships
             FROM pg_authid r WHERE rolname = $1`,
          [name],
        ),
      );
      const { max, limit, ...rest } = rows[0];
      assert.deepEqual(rest, { may_more: false, has_password: true, owned: 0, memberships: 0 });
      assert.equal(limit, connectionLimit(key, max));
    });

    it(`${name} finds its settings without having sent any`, async () => {
      await withClient(database.urls[key], async (client) => {
        for (const [setting, value] of Object.entries(ROLES[key].settings)) {
          const { rows } = await client.query(
            'SELECT source, reset_val FROM pg_settings WHERE lower(name) = lower($1)',
            [setting],
          );
          assert.equal(rows[0]?.source, 'user', `${setting} = ${value}`);
        }
      });
    });
  }

  it('all roles at their limits of connections leave some to the owner', async () => {
    const { rows } = await withClient(database.superuserUrl, (client) =>
      client.query(
        `SELECT sum(rolconnlimit)::int AS most, current_setting('max_connections')::int AS max
           FROM pg_roles WHERE rolname = ANY ($1)`,
        [ROLE_KEYS.map((key) => roleName(key))],
      ),
    );
    const [{ most, max }] = rows;
    assert.ok(most < max, `${most} of ${max}`);
  });

  it('on ledger each role has exactly the privileges that it needs, and PUBLIC none', async () => {
    const { rows } = await withClient(database.superuserUrl, (client) =>
      client.query(`
        WITH acl AS (
          SELECT aclexplode(c.relacl) AS x, 'all' AS part FROM pg_class c WHERE c.relnamespace = 'ledger'::regnamespace
          UNION ALL
          SELECT aclexplode(a.attacl), 'columns' FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
           WHERE c.relname = 'universal_registry'
          UNION ALL
          SELECT aclexplode(n.nspacl), 'schema' FROM pg_namespace n WHERE n.nspname IN ('ledger', 'app')
        )
        SELECT DISTINCT coalesce(r.rolname, 'PUBLIC') || ' ' || (x).privilege_type || ' ' || part AS may
          FROM acl LEFT JOIN pg_roles r ON r.oid = (x).grantee
         WHERE r.rolname IS NULL OR r.rolname <> 'logline_owner' ORDER BY 1`),
    );
    const found = rows.map(({ may }) => may);
    assert.deepEqual(
      found.filter((may) => !/ (USAGE schema|SELECT all)$/.test(may)),
      [
        'logline_app INSERT columns',
        'logline_guest SELECT columns',
        'logline_sealer INSERT all',
        'logline_sealer SELECT columns',
      ],
    );
    assert.ok(found.every((may) => !may.startsWith('PUBLIC')));
    assert.ok(!found.includes('logline_kernel SELECT all'));
  });

  it('a function that runs with its owner’s rights is called by triggers, by the kernels, or for the operator alone', async () => {
    const { rows } = await withClient(database.superuserUrl, (client) =>
      client.query(`
        SELECT p.oid::regprocedure::text AS name, p.prorettype = 'trigger'::regtype AS is_trigger,
               (SELECT array_agg(r.rolname::text ORDER BY 1) FROM pg_roles r
                 WHERE r.rolname LIKE 'logline%' AND r.oid <> p.proowner
                   AND has_function_privilege(r.oid, p.oid, 'EXECUTE')) AS callers
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname IN ('ledger', 'app') AND p.prosecdef ORDER BY 1`),
    );
    assert.ok(rows.length > 0);
    // Import is the operator's alone, by a token minted here; row-level security holds for every span it inserts, and
    // work is taken of one tenant, which is frozen. Freezing asks for the operator itself. Whether any log is stopped names
    // no tenant.
    const served: Readonly<Record<string, readonly string[]>> = {
      'app.freeze_tenant(text)': ['logline_app'],
      'app.has_stopped_log()': ['logline_app'],
      'app.thaw_tenant(text)': ['logline_app'],
      'ledger.import_spans(json)': ['logline_app'],
      'ledger.import_work(text,json)': ['logline_app'],
    };
    for (const { name, is_trigger, callers } of rows) {
      assert.deepEqual(callers, is_trigger ? null : (served[name] ?? ['logline_kernel']), name);
    }
  });

  it('app can insert every column of a span, and no internal column', async () => {
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

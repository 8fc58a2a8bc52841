import assert from 'node:assert/strict';
import { Client } from 'pg';
import {
  hash,
  insertRow,
  inTransaction,
  rawRow,
  refusalOf,
  type SessionIdentity,
  withClient,
} from '../support/sql-session';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const INSUFFICIENT_PRIVILEGE = '42501';
const GENERATED_ALWAYS = '428C9';
const UNIQUE_VIOLATION = '23505';
const CHECK_VIOLATION = '23514';
const APPEND_ONLY = 'LL004';
const ALICE: SessionIdentity = { user: 'alice', tenant: 'acme' };

describe('writing by SQL', () => {
  let database: TestDatabase;
  let app: Client;
  before(async () => {
    database = await createTestDatabase();
    app = new Client({ connectionString: database.appUrl });
    await app.connect();
    await inTransaction(app, ALICE, () => insertRow(app, rawRow()));
  });
  after(async () => {
    await app.end();
    await database.drop();
  });

  const insertAs = (identity: SessionIdentity, row: object): Promise<string | undefined> =>
    refusalOf(inTransaction(app, identity, () => insertRow(app, row)));

  it('a session writes as itself', async () => {
    assert.equal(await insertAs(ALICE, rawRow()), undefined);
  });

  const foreign: readonly (readonly [string, SessionIdentity])[] = [
    ['another user of the tenant', { user: 'bob', tenant: 'acme' }],
    ['the same name in another tenant', { user: 'alice', tenant: 'globex' }],
    ['nobody', {}],
    ['an empty identity', { user: '', tenant: '' }],
    ['a user without tenant', { user: 'alice' }],
    ['a tenant without user', { tenant: 'acme' }],
  ];
  for (const [name, identity] of foreign) {
    it(`${name} cannot write as alice of acme, in any visibility`, async () => {
      for (const visibility of ['private', 'tenant', 'public']) {
        assert.equal(await insertAs(identity, rawRow({ visibility })), INSUFFICIENT_PRIVILEGE, visibility);
      }
    });
  }

  it('an empty or null owner or tenant is refused', async () => {
    assert.notEqual(
      await insertAs({ user: '', tenant: '' }, rawRow({ owner_id: '', tenant_id: '' })),
      undefined,
    );
    assert.notEqual(await insertAs({}, { ...rawRow(), owner_id: null, tenant_id: null }), undefined);
  });

  it('internal columns cannot be written: tx_id, ordinal, audience', async () => {
    assert.equal(await insertAs(ALICE, { ...rawRow(), tx_id: '1' }), INSUFFICIENT_PRIVILEGE);
    assert.equal(await insertAs(ALICE, { ...rawRow(), ordinal: 1 }), GENERATED_ALWAYS);
    assert.equal(await insertAs(ALICE, { ...rawRow(), audience: 'public' }), GENERATED_ALWAYS);
    const overriding = inTransaction(app, ALICE, () =>
      app.query(
        `INSERT INTO ledger.universal_registry (id, seq, entity_type, who, this, at, owner_id, tenant_id, curr_hash, signature, public_key, ordinal)
         OVERRIDING SYSTEM VALUE SELECT gen_random_uuid(), 0, 'n', 'w', 't', now(), 'alice', 'acme', $1, $2, $1, 1`,
        [hash(1), '0'.repeat(128)],
      ),
    );
    assert.equal(await refusalOf(overriding), INSUFFICIENT_PRIVILEGE);
  });

  it('tx_id is the transaction that wrote the row, and all rows of it share one', async () => {
    const { rows } = await inTransaction(app, ALICE, async () => {
      await insertRow(app, rawRow({ entity_type: 'tx' }));
      await app.query('SAVEPOINT s');
      await insertRow(app, rawRow({ entity_type: 'tx' }));
      await app.query('RELEASE s');
      return app.query(
        `SELECT count(*)::int AS rows, bool_and(tx_id = pg_current_xact_id()) AS mine FROM ledger.universal_registry WHERE entity_type = 'tx'`,
      );
    });
    assert.deepEqual(rows, [{ rows: 2, mine: true }]);
  });

  it('an upsert neither changes nor reveals an existing row', async () => {
    const row = rawRow({ this: 'original' });
    await inTransaction(app, ALICE, () => insertRow(app, row));
    const columns = Object.keys(row).join(', ');
    const upsert = (action: string, identity: SessionIdentity) =>
      refusalOf(
        inTransaction(app, identity, () =>
          app.query(
            `INSERT INTO ledger.universal_registry (${columns}) SELECT ${columns} FROM json_populate_record(NULL::ledger.universal_registry, $1)
             ON CONFLICT (id, seq) ${action}`,
            [JSON.stringify({ ...row, owner_id: identity.user, tenant_id: identity.tenant })],
          ),
        ),
      );
    assert.equal(await upsert(`DO UPDATE SET this = 'changed'`, ALICE), INSUFFICIENT_PRIVILEGE);
    await upsert('DO NOTHING', { user: 'mallory', tenant: 'globex' });
    assert.equal(
      await insertAs(
        { user: 'mallory', tenant: 'globex' },
        { ...row, owner_id: 'mallory', tenant_id: 'globex' },
      ),
      UNIQUE_VIOLATION,
    );
    const { rows } = await inTransaction(app, ALICE, () =>
      app.query('SELECT this, owner_id FROM ledger.universal_registry WHERE id = $1', [row.id]),
    );
    assert.deepEqual(rows, [{ this: 'original', owner_id: 'alice' }]);
  });

  it('a moment that RFC 3339 cannot write is refused, since one such row would break every listing', async () => {
    for (const at of ['infinity', '-infinity', '0044-03-15 BC', '10000-01-01T00:00:00Z']) {
      assert.equal(await insertAs(ALICE, rawRow({ at })), CHECK_VIOLATION, at);
    }
  });

  describe('nothing is changed or removed', () => {
    const changes = [
      `UPDATE ledger.universal_registry SET this = 'changed'`,
      `UPDATE ledger.universal_registry SET this = 'changed' WHERE false`,
      'DELETE FROM ledger.universal_registry',
      'TRUNCATE ledger.universal_registry',
      'TRUNCATE ledger.universal_registry CASCADE',
      `MERGE INTO ledger.universal_registry r USING (VALUES (1)) v ON true WHEN MATCHED THEN DELETE`,
      `UPDATE ledger.visible_timeline SET this = 'changed'`,
      'DELETE FROM ledger.visible_timeline',
    ];

    for (const change of changes) {
      it(`${change}: refused to app, owner and superuser`, async () => {
        assert.equal(
          await refusalOf(inTransaction(app, ALICE, () => app.query(change))),
          INSUFFICIENT_PRIVILEGE,
        );
        for (const url of [database.adminUrl, database.superuserUrl]) {
          await withClient(url, async (client) => {
            const refusal = await refusalOf(inTransaction(client, ALICE, () => client.query(change)));
            // Writing through the view is refused by its privileges, before any trigger runs.
            assert.ok(
              refusal === APPEND_ONLY || (change.includes('visible_timeline') && refusal !== undefined),
              `${url}: ${refusal}`,
            );
          });
        }
      });
    }

    it('session_replication_role = replica does not switch the refusal off, nor the version chain', async () => {
      await withClient(database.superuserUrl, async (superuser) => {
        await superuser.query('SET session_replication_role = replica');
        for (const change of changes.slice(0, 6)) {
          assert.equal(await refusalOf(superuser.query(change)), APPEND_ONLY, change);
        }
        const gap = rawRow({ seq: 7, prev_hash: hash(1) });
        assert.equal(await refusalOf(insertRow(superuser, gap)), 'LL001');
      });
    });

    it('neither app nor anything it can reach may switch triggers or policies off', async () => {
      const attempts = [
        'SET session_replication_role = replica',
        'ALTER TABLE ledger.universal_registry DISABLE TRIGGER ALL',
        'ALTER TABLE ledger.universal_registry NO FORCE ROW LEVEL SECURITY',
        'DROP POLICY read_own_audiences ON ledger.universal_registry',
        'DROP TABLE ledger.universal_registry',
        'SET ROLE logline_owner',
        'SET SESSION AUTHORIZATION logline_owner',
        'CREATE TABLE ledger.mine (a int)',
        'CREATE TABLE public.mine (a int)',
        `COPY ledger.universal_registry TO PROGRAM 'cat'`,
        `SELECT pg_read_file('/etc/passwd')`,
      ];
      for (const attempt of attempts)
        assert.equal(await refusalOf(app.query(attempt)), INSUFFICIENT_PRIVILEGE, attempt);
    });

    it('row_security = off yields an error, never more rows', async () => {
      await app.query('SET row_security = off');
      try {
        assert.equal(
          await refusalOf(app.query('SELECT * FROM ledger.universal_registry')),
          INSUFFICIENT_PRIVILEGE,
        );
      } finally {
        await app.query('RESET row_security');
      }
    });

    it('the privileged trigger functions cannot be borrowed for a table of one’s own', async () => {
      for (const borrowed of ['ledger.check_version_chain()', 'app.copy_token_revocation()']) {
        const attempt = inTransaction(app, ALICE, async () => {
          await app.query('CREATE TEMP TABLE mine (id uuid, seq int, is_deleted bool) ON COMMIT DROP');
          await app.query(`CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION ${borrowed}`);
        });
        assert.equal(await refusalOf(attempt), INSUFFICIENT_PRIVILEGE, borrowed);
      }
    });

    it("a tenant deletes only its own old Idempotency-Keys, neither recent ones nor another tenant's", async () => {
      await withClient(database.superuserUrl, (client) =>
        client.query(`
          INSERT INTO app.idempotency_key (tenant_id, key, fingerprint, span_ids, span_seqs, at)
          SELECT tenant, key, 'f', '{}', '{}', now() - age FROM (VALUES
            ('acme', 'old', interval '2 days'), ('acme', 'fresh', interval '1 hour'),
            ('other', 'old', interval '2 days')) AS k(tenant, key, age)`),
      );
      const { rows } = await inTransaction(app, ALICE, () =>
        app.query('DELETE FROM app.idempotency_key RETURNING tenant_id, key'),
      );
      assert.deepEqual(rows, [{ tenant_id: 'acme', key: 'old' }]);
    });

    it('work tables that triggers keep cannot be written by app', async () => {
      for (const write of [
        `INSERT INTO app.deletion (id, seq, is_deleted) VALUES (gen_random_uuid(), 0, true)`,
        'DELETE FROM app.deletion',
        `INSERT INTO app.token_revocation (tenant_id, token_id) VALUES ('acme', 'x')`,
        'DELETE FROM app.token_revocation',
        'UPDATE app.idempotency_key SET fingerprint = NULL',
        `UPDATE app.migration_checksum SET sha256 = ''`,
      ]) {
        assert.equal(
          await refusalOf(inTransaction(app, ALICE, () => app.query(write))),
          INSUFFICIENT_PRIVILEGE,
          write,
        );
      }
    });
  });
});

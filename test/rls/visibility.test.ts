import assert from 'node:assert/strict';
import { Client } from 'pg';
import { insertRow, inTransaction, rawRow, type SessionIdentity } from '../support/sql-session';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

/** Readers, and which of alice's spans (tenant acme) they may see. */
const READERS: readonly (readonly [string, SessionIdentity, readonly string[]])[] = [
  ['the owner', { user: 'alice', tenant: 'acme' }, ['private', 'public', 'tenant']],
  ['another user of the tenant', { user: 'bob', tenant: 'acme' }, ['public', 'tenant']],
  ['a user of the same name in another tenant', { user: 'alice', tenant: 'globex' }, ['public']],
  ['a stranger', { user: 'mallory', tenant: 'globex' }, ['public']],
  ['a session without identity', {}, ['public']],
  ['a session with an empty identity', { user: '', tenant: '' }, ['public']],
  ['a session with a user but no tenant', { user: 'alice' }, ['public']],
  ['a session with a user and an empty tenant', { user: 'alice', tenant: '' }, ['public']],
  ['a session with a tenant but no user', { tenant: 'acme' }, ['public']],
  ['a session with a tenant and an empty user', { user: '', tenant: 'acme' }, ['public']],
  ['a user whose name is a pattern', { user: '%', tenant: 'acme' }, ['public', 'tenant']],
  ['a tenant whose name is a pattern', { user: 'alice', tenant: '%' }, ['public']],
  ['a tenant whose name differs by case', { user: 'alice', tenant: 'ACME' }, ['public']],
  ['a tenant whose name differs by a blank', { user: 'alice', tenant: 'acme ' }, ['public']],
  // audience_of() joins tenant and user; the boundary between them must be unambiguous.
  ['a pair that reads the same when joined', { user: 'e:alice', tenant: 'acm' }, ['public']],
  ['a pair split at the colon', { user: '', tenant: 'acme:alice' }, ['public']],
  ['a tenant named like an audience', { user: 'alice', tenant: 'public' }, ['public']],
];

describe('row-level security, reading by SQL as logline_app', () => {
  let database: TestDatabase;
  let client: Client;
  before(async () => {
    database = await createTestDatabase();
    client = new Client({ connectionString: database.appUrl });
    await client.connect();
    await inTransaction(client, { user: 'alice', tenant: 'acme' }, async () => {
      for (const visibility of ['private', 'tenant', 'public']) {
        await insertRow(client, rawRow({ visibility, entity_type: 'matrix' }));
      }
    });
  });
  after(async () => {
    await client.end();
    await database.drop();
  });

  for (const [name, identity, expected] of READERS) {
    it(`${name} sees exactly: ${expected.join(', ')}`, async () => {
      for (const relation of ['ledger.universal_registry', 'ledger.visible_timeline']) {
        const { rows } = await inTransaction(client, identity, () =>
          client.query(`SELECT visibility FROM ${relation} WHERE entity_type = 'matrix' ORDER BY visibility`),
        );
        assert.deepEqual(
          rows.map((row) => row.visibility),
          expected,
          relation,
        );
      }
    });
  }

  it('no condition, aggregate or join of the reader lifts the boundary', async () => {
    // Another tenant can count only acme's one public span.
    const queries: readonly (readonly [string, number])[] = [
      [`SELECT count(*)::int AS n FROM ledger.universal_registry WHERE entity_type = 'matrix' OR true`, 1],
      [
        `SELECT count(*)::int AS n FROM ledger.universal_registry WHERE audience LIKE 'owner:%' OR tenant_id = 'acme'`,
        1,
      ],
      [
        `SELECT count(*)::int AS n FROM ledger.universal_registry a JOIN ledger.universal_registry b USING (id)`,
        1,
      ],
      [
        `SELECT count(*)::int AS n FROM (SELECT * FROM ledger.visible_timeline UNION ALL TABLE ledger.visible_timeline) x`,
        2,
      ],
      [
        `SELECT count(*)::int AS n FROM ledger.visible_timeline WHERE 1 / (visibility = 'public')::int = 1`,
        1,
      ],
    ];
    for (const [query, expected] of queries) {
      const { rows } = await inTransaction(client, { user: 'mallory', tenant: 'globex' }, () =>
        client.query(query),
      );
      assert.deepEqual(rows, [{ n: expected }], query);
    }
  });

  it('an identity ends with its transaction', async () => {
    await inTransaction(client, { user: 'alice', tenant: 'acme' }, () => client.query('SELECT 1'));
    const { rows } = await client.query(
      `SELECT ledger.session_user_id() AS who, ledger.session_tenant_id() AS tenant, ledger.session_audiences() AS audiences`,
    );
    assert.deepEqual(rows, [{ who: null, tenant: null, audiences: ['public'] }]);
  });

  it('revocations and idempotency keys of other tenants stay hidden, too', async () => {
    await inTransaction(client, { user: 'alice', tenant: 'acme' }, async () => {
      await insertRow(client, rawRow({ entity_type: 'token_revocation', this: 'jti-of-acme' }));
      await client.query(
        `INSERT INTO app.idempotency_key (tenant_id, key, fingerprint, span_ids, span_seqs) VALUES ('acme', 'k', 'f', '{}', '{}')`,
      );
    });
    const seen = (identity: SessionIdentity): Promise<number[]> =>
      inTransaction(client, identity, async () => [
        (await client.query('SELECT FROM app.token_revocation')).rowCount ?? 0,
        (await client.query('SELECT FROM app.idempotency_key')).rowCount ?? 0,
      ]);
    assert.deepEqual(await seen({ user: 'bob', tenant: 'acme' }), [1, 1]);
    assert.deepEqual(await seen({ user: 'alice', tenant: 'globex' }), [0, 0]);
    assert.deepEqual(await seen({}), [0, 0]);
  });
});

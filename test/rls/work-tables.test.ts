import assert from 'node:assert/strict';
import type { Client } from 'pg';
import { setIdentity, withClient } from '../support/sql-session';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const ALICE = { user: 'alice', tenant: 'acme' };
const ID = '0192f0e1-7a11-7111-8111-0123456789ab';
const OWNER = "'globex', 'alice'";

/** One row of tenant globex for each table of its work. */
const FOREIGN: Readonly<Record<string, string>> = {
  append_usage: `(tenant_id, day, bytes) VALUES ('globex', '2026-01-01', 1)`,
  deletion: `(id, seq, is_deleted, audiences) VALUES ('${ID}', 1, true, '{tenant:globex}')`,
  execution_quota: `(tenant_id, day, used) VALUES ('globex', '2026-01-01', 1)`,
  frozen_tenant: `(tenant_id, is_closed) VALUES ('globex', true)`,
  function_schedule: `(function_id, seq, tenant_id, owner_id, once) VALUES ('${ID}', 0, ${OWNER}, true)`,
  idempotency_key: `(tenant_id, key, fingerprint, span_ids, span_seqs, at) VALUES ('globex', 'k', 'f', '{}', '{}', '2000-01-01')`,
  log_audit: `(log_no, audited_size) VALUES (1, 1)`,
  log_head: `(log_no, size, frontier, stopped_at, stop_reason) VALUES (1, 1, '', now(), 'reason')`,
  policy_cursor: `(policy_id, tenant_id, owner_id, is_active, tx_id, ordinal) VALUES ('${ID}', ${OWNER}, true, '1', 1)`,
  policy_emission: `(span_id, policy_id, depth) VALUES ('${ID}', '${ID}', 1)`,
  request_queue: `(request_id, tenant_id, owner_id, lease_id) VALUES ('${ID}', ${OWNER}, '${ID}')`,
  request_turn: `(tenant_id, taken_at) VALUES ('globex', '2026-01-01')`,
  ruling_queue: `(subject_id, tenant_id, owner_id) VALUES ('${ID}', ${OWNER})`,
  span_relation: `(related_id, audience, at, span_id, seq) VALUES ('${ID}', 'tenant:globex', now(), '${ID}', 0)`,
  tenant_salt: `(tenant_id, salt) VALUES ('globex', repeat('a', 64))`,
  token_revocation: `(tenant_id, token_id) VALUES ('globex', 'jti')`,
  unsealed: `(log_no, tx_id, ordinal, id, seq) VALUES (1, '1', 1, '${ID}', 0)`,
};
/** Tables of the instance, whose rows belong to no tenant. */
const SHARED = [
  'audit_cursor',
  'checkpoint_key',
  'feed_epoch',
  'job_run',
  'kysely_migration',
  'kysely_migration_lock',
  'log_instance',
  'migration_checksum',
  'restore_needed',
  'ruling_night',
  'seal_cursor',
];
/** Tables that the role writes because they are its work. */
const OWN_WORK: Readonly<Record<string, readonly string[]>> = {
  sealer: ['log_head', 'log_audit', 'unsealed'],
  auditor: ['log_head', 'log_audit'],
};

describe('work of another tenant, by SQL', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
    await withClient(database.superuserUrl, async (client) => {
      await client.query(
        `INSERT INTO ledger.log (log_no, tenant_id, origin) VALUES (1, 'globex', 'test/globex')`,
      );
      for (const [table, row] of Object.entries(FOREIGN))
        await client.query(`INSERT INTO app.${table} ${row}`);
    });
  });
  after(() => database.drop());

  it('is in these tables, and there are no others', async () => {
    const { rows } = await withClient(database.superuserUrl, (client) =>
      client.query(
        `SELECT relname AS name FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')`,
      ),
    );
    assert.deepEqual(rows.map(({ name }) => name).sort(), [...Object.keys(FOREIGN), ...SHARED].sort());
  });

  /** Rows that a statement reached under the identity of another tenant; 0 when it was refused. Leaves nothing behind. */
  async function reached(client: Client, text: string): Promise<number> {
    await client.query('BEGIN READ WRITE');
    try {
      await setIdentity(client, ALICE);
      return (await client.query(text)).rowCount ?? 0;
    } catch {
      return 0;
    } finally {
      await client.query('ROLLBACK');
    }
  }

  for (const role of ['app', 'kernel', 'guest'] as const) {
    it(`is not seen by logline_${role}`, async () => {
      await withClient(database.urls[role], async (client) => {
        for (const table of Object.keys(FOREIGN))
          assert.equal(await reached(client, `SELECT FROM app.${table}`), 0, table);
      });
    });
  }

  for (const role of ['app', 'kernel', 'guest', 'sealer', 'auditor', 'backup'] as const) {
    it(`is not written by logline_${role}, column by column`, async () => {
      const { rows: columns } = await withClient(database.superuserUrl, (client) =>
        client.query(
          `SELECT table_name AS table, quote_ident(column_name) AS name FROM information_schema.columns WHERE table_schema = 'app'`,
        ),
      );
      await withClient(database.urls[role], async (client) => {
        for (const [table, row] of Object.entries(FOREIGN)) {
          if (OWN_WORK[role]?.includes(table)) continue;
          const own = columns.filter((column) => column.table === table).map(({ name }) => name);
          assert.ok(own.length > 0);
          const other = row.replaceAll(ID, ID.replace('ab', 'ac')).replace("'2026-", "'2027-");
          const statements = [
            `DELETE FROM app.${table}`,
            `TRUNCATE app.${table}`,
            `INSERT INTO app.${table} ${other}`,
            ...own.flatMap((name) =>
              ['DEFAULT', name].map((to) => `UPDATE app.${table} SET ${name} = ${to}`),
            ),
          ];
          for (const text of statements) assert.equal(await reached(client, text), 0, text);
        }
      });
    });
  }
});

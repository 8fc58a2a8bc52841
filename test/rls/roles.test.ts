import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import type { RoleKey } from '../../runtime/db/roles';
import { insertRow, inTransaction, rawRow, refusalOf, setIdentity, withClient } from '../support/sql-session';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const INSUFFICIENT_PRIVILEGE = '42501';
const READ_ONLY = '25006';
const REGISTRY = 'ledger.universal_registry';
const ALICE = { user: 'alice', tenant: 'acme' };

const LIMITS = { statement_timeout: '15s', lock_timeout: '5s', idle_in_transaction_session_timeout: '15s' };
/** What the server allows a session of each role, unless that says otherwise. */
const LIMITS_OF: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  app: LIMITS,
  kernel: LIMITS,
  sealer: LIMITS,
  auditor: { ...LIMITS, statement_timeout: '1min' },
  guest: {
    statement_timeout: '2s',
    lock_timeout: '5s',
    idle_in_transaction_session_timeout: '5s',
    work_mem: '64kB',
    hash_mem_multiplier: '1',
    max_parallel_workers_per_gather: '0',
    temp_file_limit: '32MB',
    client_connection_check_interval: '100ms',
    default_transaction_read_only: 'on',
  },
};

describe('database roles', () => {
  let database: TestDatabase;
  const mine = randomUUID();
  before(async () => {
    database = await createTestDatabase();
    await withClient(database.urls.app, async (app) => {
      await inTransaction(app, ALICE, () => insertRow(app, rawRow({ id: mine })));
      const bob = { user: 'bob', tenant: 'other' };
      const row = rawRow({ owner_id: bob.user, tenant_id: bob.tenant });
      await inTransaction(app, bob, () => insertRow(app, row));
    });
  });
  after(() => database.drop());

  const refusal = (url: string, text: string): Promise<string | undefined> =>
    withClient(url, (client) => refusalOf(client.query(text)));
  const ids = async (client: Client): Promise<string[]> =>
    (await client.query(`SELECT id FROM ${REGISTRY}`)).rows.map(({ id }) => String(id));

  it('a guest reads the spans of its identity, and none without an identity', async () => {
    await withClient(database.urls.guest, async (guest) => {
      assert.deepEqual(await ids(guest), []);
      await guest.query('BEGIN');
      await setIdentity(guest, ALICE);
      assert.deepEqual(await ids(guest), [mine]);
      assert.equal((await guest.query('SELECT * FROM ledger.visible_timeline')).rowCount, 1);
    });
  });

  for (const column of ['tx_id', 'ordinal', 'audience', 'xmin', 'ctid', '*', 'r']) {
    it(`a guest cannot read ${column}, which is not part of a span`, async () => {
      const text = `SELECT ${column} FROM ${REGISTRY} AS r`;
      assert.equal(await refusal(database.urls.guest, text), INSUFFICIENT_PRIVILEGE);
    });
  }

  it('a guest cannot write, even after it has said that it may', async () => {
    const text = `INSERT INTO ${REGISTRY} (id) VALUES (gen_random_uuid())`;
    await withClient(database.urls.guest, async (guest) => {
      assert.equal(await refusalOf(guest.query(text)), READ_ONLY);
      await guest.query('SET default_transaction_read_only = off');
      assert.equal(await refusalOf(guest.query(text)), INSUFFICIENT_PRIVILEGE);
    });
  });

  it('a guest fills no disk: temporary files are bounded', async () => {
    const text = 'SELECT count(*) FROM (SELECT g FROM generate_series(1, 4000000) g ORDER BY -g OFFSET 1) s';
    await withClient(database.urls.guest, async (guest) => {
      // No time limit, since the limit of temporary files is under test.
      await guest.query('SET statement_timeout = 0');
      assert.equal(await refusalOf(guest.query(text)), '53400');
    });
  });

  for (const [role, limits] of Object.entries(LIMITS_OF)) {
    it(`${role} has so much time, memory and disk for a statement, set on the role`, async () => {
      await withClient(database.urls[role as RoleKey], async (client) => {
        for (const [setting, value] of Object.entries(limits)) {
          const { rows } = await client.query('SELECT current_setting($1) AS value', [setting]);
          assert.equal(rows[0].value, value, setting);
        }
      });
    });
  }

  it('the sealer sees id, hash, tenant and order of every span, and no content', async () => {
    await withClient(database.urls.sealer, async (sealer) => {
      const { rowCount } = await sealer.query(
        `SELECT id, seq, curr_hash, tenant_id, tx_id, ordinal FROM ${REGISTRY}`,
      );
      assert.ok((rowCount ?? 0) >= 2);
      for (const column of ['this', 'metadata', 'owner_id', 'audience', 'xmin']) {
        assert.equal(
          await refusalOf(sealer.query(`SELECT ${column} FROM ${REGISTRY}`)),
          INSUFFICIENT_PRIVILEGE,
          column,
        );
      }
    });
  });

  for (const role of ['auditor', 'backup'] as const) {
    it(`the ${role} reads every span and writes none`, async () => {
      await withClient(database.urls[role], async (client) => {
        assert.ok((await ids(client)).length >= 2);
        await client.query('SET default_transaction_read_only = off');
        const inserted = client.query(`INSERT INTO ${REGISTRY} (id) VALUES (gen_random_uuid())`);
        assert.equal(await refusalOf(inserted), INSUFFICIENT_PRIVILEGE);
      });
    });
  }

  it('the kernel role touches no table: it finds work by functions alone', async () => {
    for (const table of [REGISTRY, 'app.request_queue', 'app.execution_quota', 'app.deletion']) {
      assert.equal(
        await refusal(database.urls.kernel, `SELECT FROM ${table}`),
        INSUFFICIENT_PRIVILEGE,
        table,
      );
    }
  });

  it('a type that a caller made runs no code with the rights of the owner', async () => {
    await withClient(database.urls.app, async (app) => {
      await app.query('BEGIN');
      await app.query(
        `CREATE FUNCTION pg_temp.run_as() RETURNS boolean LANGUAGE plpgsql AS
           'BEGIN RAISE EXCEPTION ''ran as %'', current_user; END';
         CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.run_as());`,
      );
      await app.query(
        `SELECT ledger.import_spans('[{"user_id": "alice", "tenant_id": "acme", "spans": []}]')`,
      );
    });
  });

  it('none may become another', async () => {
    for (const url of Object.values(database.urls)) {
      for (const other of ['logline_owner', 'logline_backup', 'postgres']) {
        if (new URL(url).username === other) continue;
        assert.equal(await refusal(url, `SET ROLE ${other}`), INSUFFICIENT_PRIVILEGE, `${url} ${other}`);
      }
    }
  });
});

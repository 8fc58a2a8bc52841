import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import {
  hash,
  insertRow,
  inTransaction,
  type RawRow,
  rawRow,
  type SessionIdentity,
} from '../support/sql-session';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const ALICE: SessionIdentity = { user: 'alice', tenant: 'acme' };
const READERS: readonly SessionIdentity[] = [
  ALICE,
  { user: 'bob', tenant: 'acme' },
  { user: 'mallory', tenant: 'globex' },
  {},
];

describe('ledger.visible_timeline', () => {
  let database: TestDatabase;
  let client: Client;
  before(async () => {
    database = await createTestDatabase();
    client = new Client({ connectionString: database.appUrl });
    await client.connect();
  });
  after(async () => {
    await client.end();
    await database.drop();
  });

  const append = (id: string, seq: number, more: Partial<RawRow>): Promise<void> =>
    inTransaction(client, ALICE, () =>
      insertRow(
        client,
        rawRow({ id, seq, curr_hash: hash(seq), prev_hash: seq === 0 ? null : hash(seq - 1), ...more }),
      ),
    );
  const versionsSeen = (relation: string, id: string, reader: SessionIdentity): Promise<number[]> =>
    inTransaction(client, reader, async () => {
      const { rows } = await client.query(`SELECT seq FROM ${relation} WHERE id = $1 ORDER BY seq`, [id]);
      return rows.map((row) => row.seq);
    });

  it('hides a deleted entity from every reader, and the ledger keeps its history', async () => {
    const id = randomUUID();
    await append(id, 0, { visibility: 'public' });
    await append(id, 1, { visibility: 'public', is_deleted: true });
    for (const reader of READERS) {
      assert.deepEqual(await versionsSeen('ledger.visible_timeline', id, reader), []);
      assert.deepEqual(await versionsSeen('ledger.universal_registry', id, reader), [0, 1]);
    }
  });

  it('hides it also from readers who cannot see the version that deleted it', async () => {
    const id = randomUUID();
    await append(id, 0, { visibility: 'public' });
    await append(id, 1, { visibility: 'private', is_deleted: true });
    for (const reader of READERS) {
      assert.deepEqual(await versionsSeen('ledger.visible_timeline', id, reader), [], JSON.stringify(reader));
    }
  });

  it('shows an entity again that a later version brings back, and hides it again', async () => {
    const id = randomUUID();
    await append(id, 0, { visibility: 'public', is_deleted: true });
    assert.deepEqual(await versionsSeen('ledger.visible_timeline', id, {}), []);
    await append(id, 1, { visibility: 'public' });
    assert.deepEqual(await versionsSeen('ledger.visible_timeline', id, {}), [0, 1]);
    await append(id, 2, { visibility: 'public', is_deleted: true });
    await append(id, 3, { visibility: 'public', is_deleted: true });
    assert.deepEqual(await versionsSeen('ledger.visible_timeline', id, {}), []);
  });

  it('shows the members of a span and nothing of how rows are kept', async () => {
    const { fields } = await client.query('SELECT * FROM ledger.visible_timeline LIMIT 0');
    const names = fields.map((field) => field.name);
    assert.equal(names.length, 29);
    for (const kept of ['audience', 'tx_id', 'ordinal']) assert.ok(!names.includes(kept), kept);
  });
});

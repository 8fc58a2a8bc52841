import assert from 'node:assert/strict';
import { cryptoReady, Database, insertSpan, now, SpanWriter, sql, verifySpan, withPg } from '../../runtime';
import { generateSigningKey } from '../../runtime/crypto';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

describe('LogLine as a library', () => {
  let test: TestDatabase;
  let database: Database;
  before(async () => {
    await cryptoReady();
    test = await createTestDatabase();
    database = new Database({ connectionString: test.appUrl });
  });
  after(async () => {
    await database.close();
    await test.drop();
  });

  it('a program can append, query and verify under its identity', async () => {
    const key = generateSigningKey();
    const writer = new SpanWriter({ database, signingKey: () => key });
    const alice = { user: 'alice', tenant: 'acme' };
    const span = await insertSpan(writer, alice, {
      entity_type: 'note',
      who: 'alice',
      this: 'library',
      at: now(),
    });
    const count = (identity: typeof alice) =>
      withPg(database, identity, async ({ db }) => {
        const { rows } = await sql<{
          n: number;
        }>`SELECT count(*)::int AS n FROM ledger.visible_timeline WHERE id = ${span.id}`.execute(db);
        return rows[0]?.n;
      });
    assert.deepEqual(verifySpan(span), { ok: true });
    assert.equal(await count(alice), 1);
    assert.equal(await count({ user: 'alice', tenant: 'other' }), 0);
  });
});

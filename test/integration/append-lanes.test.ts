import assert from 'node:assert/strict';
import { ConflictError, UnavailableError } from '../../runtime/base/errors';
import { Database } from '../../runtime/db/pool';
import type { SpanDraft } from '../../runtime/ledger/span-draft';
import { SpanWriter } from '../../runtime/ledger/span-writer';
import { withClient } from '../support/sql-session';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

const note = (text: string, more: Partial<SpanDraft> = {}): SpanDraft => ({
  entity_type: 'note',
  who: 'w',
  this: text,
  ...more,
});

describe('callers that append at once', () => {
  let stage0: TestStage0;
  before(async () => {
    stage0 = await createTestStage0();
  });
  after(() => stage0.close());

  /** A writer with one statement at a time, and how many batches each had. */
  function countingWriter(): { readonly writer: SpanWriter; readonly shared: number[] } {
    const shared: number[] = [];
    const writer = new SpanWriter({
      database: stage0.pool,
      signingKey: () => stage0.key,
      maxInFlight: 1,
      onCommit: (batches) => shared.push(batches),
    });
    return { writer, shared };
  }

  describe('of which one has many under way', () => {
    const busy = { user: 'alice', tenant: 'busy' };
    let bulk: Database;
    let writer: SpanWriter;
    beforeEach(() => {
      bulk = new Database({ connectionString: stage0.database.appUrl, poolSize: 6 });
      writer = new SpanWriter({ database: stage0.pool, bulk, signingKey: () => stage0.key });
    });
    afterEach(() => bulk.close());

    const appended = (count: number, size = 1) =>
      Array.from({ length: count }, () => writer.append(busy, Array(size).fill(note('busy'))));

    it('share no statement with it: no more than its first eight small batches', async () => {
      const all = appended(60);
      const { spans } = await writer.append({ user: 'bob', tenant: 'light' }, [note('mine')]);
      await Promise.all(all);
      const beside = await withClient(stage0.database.superuserUrl, async (superuser) => {
        const { rows } = await superuser.query(
          `SELECT count(*)::int AS count FROM ledger.universal_registry WHERE tenant_id = 'busy' AND tx_id =
           (SELECT tx_id FROM ledger.universal_registry WHERE id = $1)`,
          [spans[0]?.id],
        );
        return rows[0].count;
      });
      assert.ok(beside <= 8, `${beside} beside it`);
      assert.ok(bulk.pool.totalCount > 0);
    });

    it('leave the connections for bulk to it, and to large batches', async () => {
      await Promise.all(appended(8));
      assert.equal(bulk.pool.totalCount, 0);
      await Promise.all(appended(1, 64));
      assert.equal(bulk.pool.totalCount, 1);
    });

    it('have two statements at a time, but one of a tenant whose batch was refused', async () => {
      await Promise.all(appended(4, 64));
      assert.equal(bulk.pool.totalCount, 2);
      await Promise.all(Array.from({ length: 2 }, async () => (await bulk.connect()).release(true)));
      const [taken] = (await writer.append(busy, [note('taken')])).spans;
      await assert.rejects(writer.append(busy, [note('another', { id: taken?.id })]), ConflictError);
      await Promise.all(appended(8, 16));
      assert.equal(bulk.pool.totalCount, 1);
    });

    it('no longer has many once they are written', async () => {
      await Promise.all(appended(60));
      await Promise.all(Array.from({ length: 6 }, async () => (await bulk.connect()).release(true)));
      await Promise.all(appended(8));
      assert.equal(bulk.pool.totalCount, 0);
    });
  });

  it('share no statement with a tenant whose batch was just refused', async () => {
    const { writer, shared } = countingWriter();
    const [faulty, fine] = [
      { user: 'mallory', tenant: 'faulty' },
      { user: 'alice', tenant: 'fine' },
    ];
    const [taken] = (await writer.append(fine, [note('taken')])).spans;
    await assert.rejects(writer.append(faulty, [note('refused', { id: taken?.id ?? '' })]), ConflictError);
    shared.length = 0;
    await Promise.all(
      Array.from({ length: 10 }, (_, n) => [
        writer.append(faulty, [note(String(n))]),
        writer.append(fine, [note(String(n))]),
      ]).flat(),
    );
    assert.equal(
      shared.reduce((sum, batches) => sum + batches, 0),
      20,
    );
    assert.ok(Math.max(...shared) <= 10, shared.join());
  });

  it('share no statement with a tenant that is being moved, whose refused spans are no failure of the ledger', async () => {
    const { writer, shared } = countingWriter();
    const frozen = { user: 'alice', tenant: 'moving' };
    await withClient(stage0.database.superuserUrl, (superuser) =>
      superuser.query("INSERT INTO app.frozen_tenant (tenant_id, is_closed) VALUES ('moving', true)"),
    );
    await assert.rejects(writer.append(frozen, [note('refused')]), UnavailableError);
    assert.equal(writer.failedAtMs, undefined);
    const refused = Array.from({ length: 5 }, (_, n) => writer.append(frozen, [note(String(n))]));
    const others = Array.from({ length: 5 }, (_, n) =>
      writer.append({ user: 'bob', tenant: 'others' }, [note(String(n))]),
    );
    await Promise.allSettled(refused);
    await Promise.all(others);
    assert.deepEqual(shared, [5]);
  });
});

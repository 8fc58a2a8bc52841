import assert from 'node:assert/strict';
import { ed25519 } from '../../runtime/crypto';
import { sha256 } from '../../runtime/crypto/sha256';
import { Database } from '../../runtime/db/pool';
import { verifierKeyOf } from '../../runtime/proofs/checkpoint-keys';
import { keepCheckpoints } from '../../runtime/proofs/keep-checkpoints';
import { leafHashOf } from '../../runtime/proofs/leaf';
import { verifyConsistency, verifyInclusion } from '../../runtime/proofs/merkle-proof';
import type { SealStep } from '../../runtime/proofs/sealer';
import { openCheckpoint } from '../../runtime/proofs/span-proof';
import { withClient } from '../support/sql-session';
import { createTestLog, TEST_INSTANCE, type TestLog } from '../support/test-log';

describe('sealing', () => {
  let log: TestLog;
  beforeEach(async () => {
    log = await createTestLog();
  });
  afterEach(() => log.close());

  it('gives every committed span of a tenant one position, in feed order', async () => {
    await log.append('acme', 3);
    await log.append('other', 2);
    await log.append('acme', 2, 'bob');
    assert.equal(await log.seal(), 7);
    await log.append('acme', 1);
    assert.equal(await log.seal(), 1);
    await log.assertSealed('acme');
    await log.assertSealed('other');
  });

  for (const tenant of ['a b', 'a+b', 'a/b', '🦀', '100 %', "o'hara"]) {
    it(`signs for tenant ${tenant} under a name that a key can have`, async () => {
      await log.append(tenant, 2);
      await log.seal();
      await log.assertSealed(tenant);
      const { note } = await log.reader(tenant).checkpoint();
      const origin = `${TEST_INSTANCE}/${encodeURIComponent(tenant)}`;
      const keys = [verifierKeyOf(log.keys.current.publicKeyHex, origin)];
      const opened = await openCheckpoint(note, keys, { verify: ed25519.verify });
      assert.equal(opened.origin, origin);
    });
  }

  it('keeps full tiles at every level, from which every proof follows', async () => {
    await log.append('acme', 300);
    await log.seal();
    const early = await log.reader('acme').checkpoint();
    await log.append('acme', 1_200);
    await log.seal();
    await log.assertSealed('acme');
    const reader = log.reader('acme');
    const late = await reader.checkpoint();
    const feed = await log.feedOf('acme');
    for (const index of [0, 1, 255, 256, 299, 300, 1_279, 1_280, 1_499]) {
      const { id = '', seq = 0, curr_hash = '' } = feed[index] ?? {};
      const proof = await reader.inclusion(id, seq);
      assert.ok(proof);
      const claim = { leaf: leafHashOf(sha256, { id, seq, curr_hash }), index, ...proof.checkpoint };
      assert.equal(proof.index, index);
      assert.ok(await verifyInclusion(sha256, claim, proof.hashes), `position ${index}`);
    }
    const hashes = await reader.consistency(early.size, late.size);
    const claim = { from: early.size, fromRoot: early.root, to: late.size, toRoot: late.root };
    assert.ok(verifyConsistency(sha256, claim, hashes));
    for (const [level, index, width] of [
      [0, 5, 220],
      [0, 3, 256],
      [1, 0, 5],
      [0, 5, 7],
    ] as const) {
      const tile = await reader.tile({ level, index, width });
      assert.equal(tile.length, width * 32);
      const first = level === 0 ? feed[index * 256] : undefined;
      if (first !== undefined) assert.deepEqual(tile.subarray(0, 32), leafHashOf(sha256, first));
    }
    await assert.rejects(reader.tile({ level: 0, index: 5, width: 221 }), /beyond/);
    await assert.rejects(reader.tile({ level: 1, index: 0, width: 6 }), /beyond/);
  });

  it('does not jump over a transaction that commits late', async () => {
    await withClient(log.stage0.database.appUrl, async (late) => {
      await late.query('BEGIN');
      await late.query(
        `SELECT set_config('app.user_id', 'alice', true), set_config('app.tenant_id', 'acme', true)`,
      );
      await late.query('SELECT pg_current_xact_id()');
      await log.append('acme', 2);
      assert.equal(await log.seal(), 0);
      await late.query('ROLLBACK');
    });
    assert.equal(await log.seal(), 2);
    await log.assertSealed('acme');
  });

  it('waits for a transaction that is open in another database of the server, and jumps over nothing', async () => {
    const elsewhere = new URL(log.stage0.database.superuserUrl);
    elsewhere.pathname = '/postgres';
    await withClient(elsewhere.href, async (other) => {
      await other.query('BEGIN');
      await other.query('SELECT pg_current_xact_id()');
      await log.append('acme', 2);
      assert.equal(await log.seal(), 0);
      await other.query('ROLLBACK');
    });
    assert.equal(await log.seal(), 2);
    await log.assertSealed('acme');
  });

  const steps: readonly SealStep[] = ['locked', 'read', 'hashed', 'guarded', 'written', 'committed'];
  for (const step of steps) {
    it(`goes on without gap or double after it ended at "${step}"`, async () => {
      await log.append('acme', 5);
      await log.seal();
      await log.append('acme', 300);
      await log.append('other', 3);
      const broken = log.sealer({
        onStep(reached) {
          if (reached === step) throw new Error('the process ends here');
        },
      });
      await assert.rejects(broken.sealBatch());
      await log.append('acme', 4);
      await log.seal();
      await log.assertSealed('acme');
      await log.assertSealed('other');
    });
  }

  it('seals everything once when two compete, whoever is faster', async () => {
    const competitors = [log.sealer({ batchSize: 7 }), log.sealer({ batchSize: 11 })];
    let isDone = false;
    const writers = Promise.all(
      ['acme', 'other', 'third'].map(async (tenant) => {
        for (let round = 0; round < 20; round += 1) await log.append(tenant, 5);
      }),
    ).finally(() => {
      isDone = true;
    });
    await Promise.all([
      writers,
      ...competitors.map(async (sealer) => {
        while (!isDone) await sealer.sealBatch();
      }),
    ]);
    await log.seal();
    for (const tenant of ['acme', 'other', 'third']) await log.assertSealed(tenant);
  });

  it('finds its head again when that row is lost', async () => {
    await log.append('acme', 700);
    await log.seal();
    await withClient(log.stage0.database.superuserUrl, (client) => client.query('DELETE FROM app.log_head'));
    await log.append('acme', 400);
    await log.seal();
    await log.assertSealed('acme');
  });

  it('keeps one checkpoint a day as a span of a user that no token can name, and rests then', async () => {
    await log.append('acme', 3);
    await log.append('other', 1);
    await log.seal();
    const sealing = new Database({ connectionString: log.stage0.database.urls.sealer, poolSize: 1 });
    const kept: string[] = [];
    const keep = () =>
      keepCheckpoints({
        sealing,
        database: log.stage0.pool,
        keys: log.keys,
        append: (identity, drafts) => log.stage0.writer.append(identity, drafts),
        keep: async (tenant, note) => {
          kept.push(`${tenant} ${note.split('\n')[1]}`);
        },
      });
    try {
      assert.equal(await keep(), 2);
      assert.equal(await log.seal(), 2);
      assert.equal(await keep(), 0);
      assert.deepEqual(kept, ['acme 3', 'other 1']);
      assert.equal((await log.reader('acme').checkpoint()).size, 3);
      const { rows } = await withClient(log.stage0.database.superuserUrl, (client) =>
        client.query(
          `SELECT owner_id, this, metadata->>'checkpoint' AS note FROM ledger.universal_registry
            WHERE entity_type = 'checkpoint' AND tenant_id = 'acme'`,
        ),
      );
      assert.equal(rows.length, 1);
      assert.deepEqual([rows[0].owner_id, rows[0].this], ['logline', `${TEST_INSTANCE}/acme`]);
      assert.equal(rows[0].note, (await log.reader('acme').checkpoint(3)).note);
      await log.append('acme', 1);
      await log.seal();
      await log.assertSealed('acme');
      assert.equal(await keep(), 1);
    } finally {
      await sealing.close();
    }
    await assert.rejects(log.stage0.token('logline', 'acme'), /kept for the log/);
  });
});

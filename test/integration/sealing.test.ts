import assert from 'node:assert/strict';
import { ed25519, hex } from '../../runtime/crypto';
import { sha256 } from '../../runtime/crypto/sha256';
import { connectAdmin } from '../../runtime/db/admin-client';
import { Database } from '../../runtime/db/pool';
import { Auditor } from '../../runtime/proofs/auditor';
import { verifierKeyOf } from '../../runtime/proofs/checkpoint-keys';
import { Frontier } from '../../runtime/proofs/frontier';
import { keepCheckpoints } from '../../runtime/proofs/keep-checkpoints';
import { type LeafSource, leafHashOf } from '../../runtime/proofs/leaf';
import { readLogInstance } from '../../runtime/proofs/log-instance';
import { verifyConsistency, verifyInclusion } from '../../runtime/proofs/merkle-proof';
import type { SealStep } from '../../runtime/proofs/sealer';
import { openCheckpoint } from '../../runtime/proofs/span-proof';
import { withClient } from '../support/sql-session';
import { createTestLog, TEST_INSTANCE, type TestLog } from '../support/test-log';
import { startWireMeter } from '../support/wire-meter';

const DRAFT = { entity_type: 'note', who: 'alice', this: 'a thing' };

interface Entry extends LeafSource {
  readonly position: number;
}

describe('sealing', () => {
  let log: TestLog;
  beforeEach(async () => {
    log = await createTestLog();
  });
  afterEach(() => log.close());

  const append = async (tenant: string, count: number, user = 'alice'): Promise<void> => {
    const drafts = Array.from({ length: count }, () => DRAFT);
    for (let at = 0; at < count; at += 1_000) {
      await log.stage0.writer.append({ user, tenant }, drafts.slice(at, at + 1_000));
    }
  };
  const entriesOf = (tenant: string): Promise<Entry[]> =>
    withClient(log.stage0.database.superuserUrl, async (client) => {
      const { rows } = await client.query(
        `SELECT e.position::int AS position, e.id, e.seq, encode(e.curr_hash, 'hex') AS curr_hash
           FROM ledger.log_entry e JOIN ledger.log l USING (log_no) WHERE l.tenant_id = $1 ORDER BY position`,
        [tenant],
      );
      return rows;
    });
  const feedOf = (tenant: string): Promise<LeafSource[]> =>
    withClient(log.stage0.database.superuserUrl, async (client) => {
      const { rows } = await client.query(
        'SELECT id, seq, curr_hash FROM ledger.universal_registry WHERE tenant_id = $1 ORDER BY tx_id, ordinal',
        [tenant],
      );
      return rows;
    });
  const rootOf = (leaves: readonly LeafSource[]): string => {
    const frontier = new Frontier(sha256);
    for (const leaf of leaves) frontier.add(leafHashOf(sha256, leaf));
    return hex(frontier.root());
  };

  /** Everything that must hold of a tenant's log, from its entries. */
  const assertSealed = async (tenant: string): Promise<void> => {
    const entries = await entriesOf(tenant);
    const feed = await feedOf(tenant);
    assert.deepEqual(
      entries.map(({ position }) => position),
      entries.map((_, index) => index),
    );
    assert.deepEqual(
      entries.map(({ position: _, ...leaf }) => leaf),
      feed,
    );
    const checkpoint = await log.reader(tenant).checkpoint();
    assert.equal(checkpoint.size, feed.length);
    assert.equal(hex(checkpoint.root), rootOf(feed));
  };

  it('gives every committed span of a tenant one position, in feed order', async () => {
    await append('acme', 3);
    await append('other', 2);
    await append('acme', 2, 'bob');
    assert.equal(await log.seal(), 7);
    await append('acme', 1);
    assert.equal(await log.seal(), 1);
    await assertSealed('acme');
    await assertSealed('other');
  });

  for (const tenant of ['a b', 'a+b', 'a/b', '🦀', '100 %', "o'hara"]) {
    it(`signs for tenant ${tenant} under a name that a key can have`, async () => {
      await append(tenant, 2);
      await log.seal();
      await assertSealed(tenant);
      const { note } = await log.reader(tenant).checkpoint();
      const origin = `${TEST_INSTANCE}/${encodeURIComponent(tenant)}`;
      const keys = [verifierKeyOf(log.keys.current.publicKeyHex, origin)];
      const opened = await openCheckpoint(note, keys, { verify: ed25519.verify });
      assert.equal(opened.origin, origin);
    });
  }

  it('keeps full tiles at every level, from which every proof follows', async () => {
    await append('acme', 300);
    await log.seal();
    const early = await log.reader('acme').checkpoint();
    await append('acme', 1_200);
    await log.seal();
    await assertSealed('acme');
    const reader = log.reader('acme');
    const late = await reader.checkpoint();
    const feed = await feedOf('acme');
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
      await append('acme', 2);
      assert.equal(await log.seal(), 0);
      await late.query('ROLLBACK');
    });
    assert.equal(await log.seal(), 2);
    await assertSealed('acme');
  });

  it('waits for a transaction that is open in another database of the server, and jumps over nothing', async () => {
    const elsewhere = new URL(log.stage0.database.superuserUrl);
    elsewhere.pathname = '/postgres';
    await withClient(elsewhere.href, async (other) => {
      await other.query('BEGIN');
      await other.query('SELECT pg_current_xact_id()');
      await append('acme', 2);
      assert.equal(await log.seal(), 0);
      await other.query('ROLLBACK');
    });
    assert.equal(await log.seal(), 2);
    await assertSealed('acme');
  });

  const steps: readonly SealStep[] = ['locked', 'read', 'hashed', 'guarded', 'written', 'committed'];
  for (const step of steps) {
    it(`goes on without gap or double after it ended at "${step}"`, async () => {
      await append('acme', 5);
      await log.seal();
      await append('acme', 300);
      await append('other', 3);
      const broken = log.sealer({
        onStep(reached) {
          if (reached === step) throw new Error('the process ends here');
        },
      });
      await assert.rejects(broken.sealBatch());
      await append('acme', 4);
      await log.seal();
      await assertSealed('acme');
      await assertSealed('other');
    });
  }

  it('seals everything once when two compete, whoever is faster', async () => {
    const competitors = [log.sealer({ batchSize: 7 }), log.sealer({ batchSize: 11 })];
    let isDone = false;
    const writers = Promise.all(
      ['acme', 'other', 'third'].map(async (tenant) => {
        for (let round = 0; round < 20; round += 1) await append(tenant, 5);
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
    for (const tenant of ['acme', 'other', 'third']) await assertSealed(tenant);
  });

  it('finds its head again when that row is lost', async () => {
    await append('acme', 700);
    await log.seal();
    await withClient(log.stage0.database.superuserUrl, (client) => client.query('DELETE FROM app.log_head'));
    await append('acme', 400);
    await log.seal();
    await assertSealed('acme');
  });

  it('keeps one checkpoint a day as a span of a user that no token can name, and rests then', async () => {
    await append('acme', 3);
    await append('other', 1);
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
      await append('acme', 1);
      await log.seal();
      await assertSealed('acme');
      assert.equal(await keep(), 1);
    } finally {
      await sealing.close();
    }
    await assert.rejects(log.stage0.token('logline', 'acme'), /kept for the log/);
  });

  describe('rollback guard', () => {
    const putBack = (batches: number): Promise<unknown> =>
      withClient(log.stage0.database.superuserUrl, async (client) => {
        await client.query('SET session_replication_role = replica');
        for (const table of ['log_entry', 'checkpoint', 'log', 'log_tile']) {
          await client.query(`ALTER TABLE ledger.${table} DISABLE TRIGGER append_only`);
          await client.query(`DELETE FROM ledger.${table}`);
        }
        await client.query('DELETE FROM app.log_head');
        await client.query(
          `UPDATE app.seal_cursor SET batch = batch - $1, tx_id = '0', ordinal = 0, digest = '\\x'`,
          [batches],
        );
      });

    const asSuperuser = (sql: string) =>
      withClient(log.stage0.database.superuserUrl, (client) => client.query(sql));

    /** As a copy of the data folder of then would be. */
    const putBackTo = (size: number, cursor: Readonly<Record<string, unknown>>): Promise<unknown> =>
      withClient(log.stage0.database.superuserUrl, async (client) => {
        for (const table of ['universal_registry', 'log_entry', 'checkpoint']) {
          await client.query(`ALTER TABLE ledger.${table} DISABLE TRIGGER append_only`);
        }
        await client.query(
          `DELETE FROM ledger.universal_registry WHERE id IN (SELECT id FROM ledger.log_entry WHERE position >= ${size})`,
        );
        await client.query(`DELETE FROM ledger.log_entry WHERE position >= ${size}`);
        await client.query(`DELETE FROM ledger.checkpoint WHERE size > ${size}`);
        await client.query('DELETE FROM app.log_head');
        const { batch, tx_id, ordinal, digest } = cursor;
        await client.query('UPDATE app.seal_cursor SET batch = $1, tx_id = $2, ordinal = $3, digest = $4', [
          batch,
          tx_id,
          ordinal,
          digest,
        ]);
      });

    it('signs nothing for a database that is older than what was signed', async () => {
      for (let round = 0; round < 3; round += 1) {
        await append('acme', 1);
        await log.seal();
      }
      await putBack(2);
      assert.deepEqual(await log.sealer().sealBatch(), { outcome: 'restore_needed' });
      assert.deepEqual(await entriesOf('acme'), []);
    });

    it('gives a log another name after a restore, so that no two checkpoints of one name contradict each other', async () => {
      await append('acme', 3);
      await log.seal();
      const survived = await log.reader('acme').checkpoint();
      const { rows: cursors } = await asSuperuser(
        'SELECT batch, tx_id::text, ordinal, digest FROM app.seal_cursor',
      );
      await append('acme', 2);
      await log.seal();
      const lost = await log.reader('acme').checkpoint();
      await putBackTo(survived.size, cursors[0]);
      assert.deepEqual(await log.sealer().sealBatch(), { outcome: 'restore_needed' });

      await withClient(log.stage0.database.adminUrl, (client) =>
        client.query('SELECT app.begin_feed_epoch()'),
      );
      log.guard.record = undefined;
      await append('acme', 2);
      await append('late', 1);
      await log.seal();
      const { rows: epochs } = await asSuperuser(
        'SELECT log_name FROM app.feed_epoch ORDER BY number DESC LIMIT 1',
      );
      const name = `${TEST_INSTANCE}/${epochs[0].log_name}`;
      const reader = log.reader('acme');
      const now = await reader.checkpoint();
      assert.equal(now.size, lost.size);
      assert.notDeepEqual(now.root, lost.root);
      const originOf = ({ note }: { note: string }) => note.split('\n')[0];
      assert.deepEqual([survived, lost, now].map(originOf), [
        `${TEST_INSTANCE}/acme`,
        `${TEST_INSTANCE}/acme`,
        `${name}/acme`,
      ]);
      assert.equal(originOf(await log.reader('late').checkpoint()), `${name}/late`);
      assert.equal((await reader.checkpoint(survived.size)).note, survived.note);
      const claim = { from: survived.size, fromRoot: survived.root, to: now.size, toRoot: now.root };
      assert.ok(verifyConsistency(sha256, claim, await reader.consistency(survived.size, now.size)));
      const keys = [verifierKeyOf(log.keys.current.publicKeyHex, `${name}/acme`)];
      await openCheckpoint(now.note, keys, { verify: ed25519.verify });
      await append('acme', 1);
      await log.seal();
      assert.equal(originOf(await reader.checkpoint()), `${name}/acme`);
      await asSuperuser(`INSERT INTO app.log_instance (origin) VALUES ('${TEST_INSTANCE}')`);
      const { earlierOrigins, origin } = await readLogInstance(log.stage0.pool);
      assert.deepEqual([origin, earlierOrigins], [name, [TEST_INSTANCE]]);
    });

    it('leaves the names as they are when the restore knows that nothing signed was lost', async () => {
      await append('acme', 1);
      await log.seal();
      await withClient(log.stage0.database.adminUrl, (client) =>
        client.query('SELECT app.begin_feed_epoch(true)'),
      );
      await append('acme', 1);
      await log.seal();
      const { note } = await log.reader('acme').checkpoint();
      assert.equal(note.split('\n')[0], `${TEST_INSTANCE}/acme`);
    });

    it('seals the last batch again only as it was announced', async () => {
      await append('acme', 3);
      await log.seal();
      await putBack(1);
      await log.seal();
      await assertSealed('acme');
    });

    it('refuses the last batch when a span of it is gone', async () => {
      await append('acme', 3);
      await log.seal();
      await putBack(1);
      await withClient(log.stage0.database.superuserUrl, async (client) => {
        await client.query('ALTER TABLE ledger.universal_registry DISABLE TRIGGER append_only');
        await client.query(
          `DELETE FROM ledger.universal_registry WHERE ordinal = (SELECT min(ordinal) FROM ledger.universal_registry WHERE tenant_id = 'acme')`,
        );
      });
      assert.deepEqual(await log.sealer().sealBatch(), { outcome: 'restore_needed' });
    });
  });

  describe('audit', () => {
    it('finds every span as it was sealed, and says how far it came', async () => {
      await append('acme', 4);
      await log.seal();
      assert.ok((await log.audit()) >= 4);
      assert.deepEqual(log.mismatches, []);
      const { rows } = await withClient(log.stage0.database.superuserUrl, (client) =>
        client.query('SELECT audited_size::int AS size FROM app.log_audit'),
      );
      assert.deepEqual(rows, [{ size: 4 }]);
    });

    it('has few spans in memory at a time, since each may be of 1 MiB', async () => {
      const url = new URL(log.stage0.database.urls.auditor);
      const meter = await startWireMeter(Number(url.port));
      url.port = String(meter.port);
      const database = new Database({ connectionString: url.href, poolSize: 1 });
      const auditor = new Auditor({
        database,
        keys: () => [log.stage0.key],
        onMismatch: ({ detail }) => assert.fail(detail),
      });
      const turnsOf = async (spans: number): Promise<number> => {
        await append('acme', spans);
        await log.seal();
        meter.take();
        assert.equal(await auditor.auditBatch(1_000), spans);
        return meter.take();
      };
      try {
        await auditor.auditBatch(1); // Connects.
        const few = await turnsOf(10);
        // Of 16 at a time, 100 take six more than 10.
        assert.ok((await turnsOf(100)) - few >= 6);
      } finally {
        await database.close();
        await meter.close();
      }
    });

    it('stops the log of a tenant with an altered span, and of no other; what is not sealed waits', async () => {
      await append('acme', 3);
      await append('other', 1);
      await log.seal();
      await withClient(log.stage0.database.superuserUrl, async (client) => {
        await client.query('ALTER TABLE ledger.universal_registry DISABLE TRIGGER append_only');
        await client.query(
          `UPDATE ledger.universal_registry SET this = 'another thing'
            WHERE id = (SELECT id FROM ledger.log_entry WHERE log_no = 1 AND position = 1)`,
        );
      });
      await log.audit();
      assert.deepEqual(
        log.mismatches.map(({ tenant, position }) => [tenant, position]),
        [['acme', 1]],
      );
      assert.match(log.mismatches[0]?.detail ?? '', /content hashes to/);
      await append('acme', 2);
      await append('other', 2);
      await log.seal();
      await assertSealed('other');
      assert.equal((await entriesOf('acme')).length, 3);
      await resume('acme');
      await append('acme', 1);
      await log.seal();
      await assertSealed('acme');
    });

    const resume = async (tenant: string) => {
      const auditing = { connectionString: log.stage0.database.urls.auditor };
      const client = await connectAdmin(auditing);
      try {
        return (await client.query('SELECT * FROM app.resume_log($1)', [tenant])).rows;
      } finally {
        await client.end();
      }
    };

    /** Another thing than was signed. */
    const alter = (id: string): Promise<unknown> =>
      withClient(log.stage0.database.superuserUrl, async (client) => {
        await client.query('ALTER TABLE ledger.universal_registry DISABLE TRIGGER append_only');
        await client.query(`UPDATE ledger.universal_registry SET this = 'another thing' WHERE id = $1`, [id]);
      });
    const stopReason = async (): Promise<string | null> => {
      const { rows } = await withClient(log.stage0.database.superuserUrl, (client) =>
        client.query('SELECT stop_reason FROM app.log_head ORDER BY log_no LIMIT 1'),
      );
      return rows[0]?.stop_reason;
    };

    it('lets a log go on that was looked at, and checks again what waited: it stops at the next fault, not at the old one', async () => {
      await append('acme', 3);
      await log.seal();
      const [, second] = await entriesOf('acme');
      await alter(second?.id ?? '');
      await log.audit();
      assert.match((await stopReason()) ?? '', /position 1/);
      await append('acme', 2);
      await log.seal();
      // The audit has passed what waits, which has no position yet.
      await log.audit();
      const [resumed, ...others] = await resume('acme');
      assert.deepEqual([resumed?.size, resumed?.waiting, others], ['3', '2', []]);
      assert.match(resumed?.stop_reason, /position 1/);
      assert.deepEqual(await resume('acme'), []);
      // It waits for them to be sealed.
      assert.equal(await log.audit(), 0);
      await log.seal();
      assert.equal(await log.audit(), 2);
      assert.equal(await stopReason(), null);

      await append('acme', 1);
      await log.seal();
      const last = (await entriesOf('acme')).at(-1);
      await alter(last?.id ?? '');
      await log.audit();
      assert.match((await stopReason()) ?? '', /position 5/);
    });

    it('does not stop a log again for what was looked at when another log goes on', async () => {
      await append('acme', 1);
      await append('other', 1);
      await log.seal();
      await alter((await entriesOf('other'))[0]?.id ?? '');
      await log.audit();
      await append('other', 1);
      await append('acme', 1);
      await log.seal();
      await alter((await entriesOf('acme'))[1]?.id ?? '');
      await log.audit();
      assert.match((await stopReason()) ?? '', /position 1/);
      await resume('acme');
      await resume('other');
      await log.seal();
      assert.equal(await log.audit(), 2);
      assert.equal(await stopReason(), null);
    });

    it('finds a span that was altered while it waited for its log to go on', async () => {
      await append('acme', 1);
      await log.seal();
      await alter((await entriesOf('acme'))[0]?.id ?? '');
      await log.audit();
      await append('acme', 1);
      await log.seal();
      await log.audit();
      await resume('acme');
      await log.seal();
      await alter((await entriesOf('acme'))[1]?.id ?? '');
      await log.audit();
      assert.match((await stopReason()) ?? '', /position 1/);
    });
  });
});

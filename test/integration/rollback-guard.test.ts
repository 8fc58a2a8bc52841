import assert from 'node:assert/strict';
import { ed25519 } from '../../runtime/crypto';
import { sha256 } from '../../runtime/crypto/sha256';
import { verifierKeyOf } from '../../runtime/proofs/checkpoint-keys';
import { readLogInstance } from '../../runtime/proofs/log-instance';
import { verifyConsistency } from '../../runtime/proofs/merkle-proof';
import { openCheckpoint } from '../../runtime/proofs/span-proof';
import { withClient } from '../support/sql-session';
import { createTestLog, TEST_INSTANCE, type TestLog } from '../support/test-log';

describe('the rollback guard of sealing', () => {
  let log: TestLog;
  beforeEach(async () => {
    log = await createTestLog();
  });
  afterEach(() => log.close());

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
      await log.append('acme', 1);
      await log.seal();
    }
    await putBack(2);
    assert.deepEqual(await log.sealer().sealBatch(), { outcome: 'restore_needed' });
    assert.deepEqual(await log.entriesOf('acme'), []);
  });

  it('gives a log another name after a restore, so that no two checkpoints of one name contradict each other', async () => {
    await log.append('acme', 3);
    await log.seal();
    const survived = await log.reader('acme').checkpoint();
    const { rows: cursors } = await asSuperuser(
      'SELECT batch, tx_id::text, ordinal, digest FROM app.seal_cursor',
    );
    await log.append('acme', 2);
    await log.seal();
    const lost = await log.reader('acme').checkpoint();
    await putBackTo(survived.size, cursors[0]);
    assert.deepEqual(await log.sealer().sealBatch(), { outcome: 'restore_needed' });

    await withClient(log.stage0.database.adminUrl, (client) => client.query('SELECT app.begin_feed_epoch()'));
    log.guard.record = undefined;
    await log.append('acme', 2);
    await log.append('late', 1);
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
    await log.append('acme', 1);
    await log.seal();
    assert.equal(originOf(await reader.checkpoint()), `${name}/acme`);
    await asSuperuser(`INSERT INTO app.log_instance (origin) VALUES ('${TEST_INSTANCE}')`);
    const { earlierOrigins, origin } = await readLogInstance(log.stage0.pool);
    assert.deepEqual([origin, earlierOrigins], [name, [TEST_INSTANCE]]);
  });

  it('leaves the names as they are when the restore knows that nothing signed was lost', async () => {
    await log.append('acme', 1);
    await log.seal();
    await withClient(log.stage0.database.adminUrl, (client) =>
      client.query('SELECT app.begin_feed_epoch(true)'),
    );
    await log.append('acme', 1);
    await log.seal();
    const { note } = await log.reader('acme').checkpoint();
    assert.equal(note.split('\n')[0], `${TEST_INSTANCE}/acme`);
  });

  it('seals the last batch again only as it was announced', async () => {
    await log.append('acme', 3);
    await log.seal();
    await putBack(1);
    await log.seal();
    await log.assertSealed('acme');
  });

  it('refuses the last batch when a span of it is gone', async () => {
    await log.append('acme', 3);
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

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { dataDirectory } from '../../local/data-directory';
import { noticeRestore } from '../../local/restore-notice';
import { moveCounter } from '../../runtime/db/move-counter';
import { withClient } from '../support/sql-session';
import { createTestKernels } from '../support/test-kernels';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

describe('a database that was restored by other means', () => {
  let stage0: TestStage0;
  let folder: string;
  let token: string;

  beforeEach(async () => {
    stage0 = await createTestStage0();
    folder = await mkdtemp(path.join(tmpdir(), 'logline-restore-'));
    token = await stage0.token('alice', 'acme');
    await post('kept');
  });
  afterEach(async () => {
    await stage0.close();
    await rm(folder, { recursive: true });
  });

  const post = (name: string) =>
    stage0.call('/api/spans', { token, body: { entity_type: 'note', who: 'alice', this: name } });
  const feed = (rest = '') => stage0.call(`/api/timeline?order=feed&limit=100${rest}`, { token });
  const notice = () =>
    noticeRestore(dataDirectory({ LOGLINE_DATA: path.join(folder, 'data') }), {
      connectionString: stage0.database.urls.sealer,
    });
  const asOwner = (sql: string) => withClient(stage0.database.adminUrl, (client) => client.query(sql));
  const asSuperuser = (sql: string) =>
    withClient(stage0.database.superuserUrl, (client) => client.query(sql));
  const names = ({ body }: Awaited<ReturnType<typeof feed>>) =>
    body.spans.map((one: { this: string }) => one.this);

  /** As after pg_restore on a new server: stored transaction ids lie in the future. */
  const putInTheFuture = () =>
    withClient(stage0.database.superuserUrl, async (client) => {
      await client.query('ALTER TABLE ledger.universal_registry DISABLE TRIGGER append_only');
      await client.query(
        `UPDATE ledger.universal_registry SET tx_id = (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 500000)::text::xid8`,
      );
      await client.query('ALTER TABLE ledger.universal_registry ENABLE ALWAYS TRIGGER append_only');
    });

  it('is none as long as it was not', async () => {
    assert.equal(await notice(), undefined);
    assert.equal((await stage0.call('/api/health')).body.status, 'ok');
  });

  it('with ids in the future takes no appends and shows no feed, until the counter is moved and an epoch begun', async () => {
    await putInTheFuture();
    assert.match((await notice()) ?? '', /npx logline restore/);
    const { body } = await stage0.call('/api/health');
    assert.deepEqual([body.status, body.codes], ['degraded', ['restore_needed']]);
    // Refreshes the cache of 5 s.
    await stage0.epochs.read();
    for (const answer of [await post('too early'), await feed(), await feed('&from=end')]) {
      assert.equal(answer.status, 503, JSON.stringify(answer.body));
      assert.equal(answer.body.type, 'urn:logline:problem:restore_needed');
    }
    assert.equal((await stage0.call('/api/timeline', { token })).status, 200);
  });

  it('runs no function and ticks for no job, as soon as a start or the sealer has noticed', async () => {
    const kernels = await createTestKernels();
    try {
      const alice = await kernels.token('alice', 'acme');
      const append = await kernels.call('/api/spans', {
        token: alice,
        body: {
          entity_type: 'function',
          who: 'alice',
          this: 'one',
          name: 'one',
          status: 'active',
          code: 'function main() { return 1; }',
        },
      });
      const run = () => kernels.call(`/api/execute/${append.body.span.id}`, { token: alice, body: {} });
      assert.equal((await run()).status, 200);
      assert.equal((await kernels.tick('policy_agent')).outcome, 'ok');

      await kernels.look('UPDATE app.seal_cursor SET restore_needed = true');
      const tick = await kernels.tick('policy_agent');
      assert.match(tick.outcome === 'error' ? tick.message : tick.outcome, /logline restore/);
      const page = await kernels.call('/api/timeline?order=feed&from=end', { token: alice });
      assert.equal(page.body.type, 'urn:logline:problem:restore_needed');

      await kernels.look('UPDATE app.seal_cursor SET restore_needed = false');
      await kernels.look('INSERT INTO app.restore_needed VALUES (true, now(), true, 1::text::xid8, 1)');
      // A request for the end of the feed refreshes the cache of 5 s.
      await kernels.call('/api/timeline?order=feed&from=end', { token: alice });
      const refused = await run();
      assert.deepEqual([refused.status, refused.body.type], [503, 'urn:logline:problem:restore_needed']);
      assert.equal((await kernels.tick('observer_bot')).outcome, 'error');
    } finally {
      await kernels.close();
    }
  });

  it('behind the rollback guard shows no feed, and old cursors get spans appended meanwhile later', async () => {
    const { cursor } = { cursor: (await feed()).body.next_cursor };
    const { rows } = await asOwner('SELECT epoch FROM app.feed_epoch');
    const record = { epoch: rows[0].epoch, batch: 7, tx_id: '900', ordinal: '9', digest: 'ab' };
    await writeFile(path.join(folder, 'data.guard'), JSON.stringify(record));
    assert.match((await notice()) ?? '', /npx logline restore/);
    await stage0.epochs.read();
    assert.equal((await feed()).status, 503);
    assert.equal((await post('meanwhile')).status, 201);
    await asOwner('SELECT app.begin_feed_epoch()');
    await stage0.epochs.read();
    await post('later');
    assert.deepEqual(names(await feed(`&cursor=${cursor}`)), ['meanwhile', 'later']);
    assert.equal((await stage0.call('/api/health')).body.status, 'ok');
  });

  it('that only the sealer detected delivers spans appended before the detection, also to cursors of the lost tail', async () => {
    await asSuperuser(
      `UPDATE app.seal_cursor SET (tx_id, ordinal) = (SELECT tx_id, ordinal FROM ledger.universal_registry)`,
    );
    await post('before the look');
    await post('lost');
    const { next_cursor: cursor } = (await feed()).body;
    await asSuperuser(`
      ALTER TABLE ledger.universal_registry DISABLE TRIGGER append_only;
      DELETE FROM ledger.universal_registry WHERE this = 'lost';
      ALTER TABLE ledger.universal_registry ENABLE ALWAYS TRIGGER append_only;
      UPDATE app.seal_cursor SET restore_needed = true`);
    await asOwner('SELECT app.begin_feed_epoch()');
    await stage0.epochs.read();
    await post('later');
    assert.deepEqual(names(await feed(`&cursor=${cursor}`)), ['before the look', 'later']);
    assert.equal((await stage0.call('/api/health')).body.status, 'ok');
  });

  it('has its transaction counter moved in several goes where one would take too long', async () => {
    await withClient(stage0.database.adminUrl, async (client) => {
      const { rows } = await client.query(
        'SELECT (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1000)::text AS least',
      );
      const least = BigInt(rows[0].least);
      assert.ok((await moveCounter(client, least, () => undefined, Date.now())) > 900n);
      assert.equal(await moveCounter(client, least, () => undefined, Date.now() + 60_000), 0n);
      const { rows: moved } = await client.query(
        'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next',
      );
      assert.ok(BigInt(moved[0].next) >= least);
    });
  });
});

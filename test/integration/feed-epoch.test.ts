import assert from 'node:assert/strict';
import { withClient } from '../support/sql-session';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { until } from '../support/until';

describe('feed epoch', () => {
  let stage0: TestStage0;
  let token: string;
  beforeEach(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
  });
  afterEach(() => stage0.close());

  const post = async (name: string): Promise<void> => {
    const body = { entity_type: 'note', who: 'alice', this: name };
    assert.equal((await stage0.call('/api/spans', { token, body })).status, 201);
  };

  interface Page {
    readonly seen: readonly string[];
    readonly cursor: string;
  }

  const read = async (cursor?: string, order = 'feed', limit = 100) => {
    const rest = cursor === undefined ? '' : `&cursor=${cursor}`;
    return stage0.call(`/api/timeline?order=${order}&limit=${limit}${rest}`, { token });
  };

  /** Reads until a page ends with `last`; a span appears once no older transaction is open. */
  const readTo = async (last: string, cursor?: string): Promise<Page> => {
    let page: Page = { seen: [], cursor: '' };
    await until(`the feed shows ${last}`, async () => {
      const { status, body } = await read(cursor);
      assert.equal(status, 200, JSON.stringify(body));
      page = { seen: body.spans.map((span: { this: string }) => span.this), cursor: body.next_cursor };
      return page.seen.at(-1) === last;
    });
    return page;
  };

  const asOwner = (sql: string) => withClient(stage0.database.adminUrl, (client) => client.query(sql));

  /** Deletes the spans after `last`, as a restore would. */
  const loseAllAfter = (last: string) =>
    withClient(stage0.database.superuserUrl, async (client) => {
      await client.query('ALTER TABLE ledger.universal_registry DISABLE TRIGGER append_only');
      await client.query(
        `DELETE FROM ledger.universal_registry
          WHERE ordinal > (SELECT ordinal FROM ledger.universal_registry WHERE this = $1)`,
        [last],
      );
      await client.query('ALTER TABLE ledger.universal_registry ENABLE ALWAYS TRIGGER append_only');
    });

  it('a cursor from before a restore continues from the last surviving span', async () => {
    await post('kept');
    const early = await readTo('kept');
    await post('lost 1');
    await post('lost 2');
    const late = await readTo('lost 2');
    await loseAllAfter('kept');
    await asOwner('SELECT app.begin_feed_epoch()');
    await post('new');
    assert.deepEqual((await readTo('new', late.cursor)).seen, ['new']);
    assert.deepEqual((await readTo('new', early.cursor)).seen, ['new']);
  });

  it('a process that remembers the epoch of before jumps over nothing', async () => {
    await post('kept');
    await post('lost');
    const { cursor } = await readTo('lost');
    await loseAllAfter('kept');
    // The new span gets a position below the lost one, as on a server whose counter was reset.
    await asOwner('SELECT app.begin_feed_epoch()');
    await post('new 1');
    await post('new 2');
    await withClient(stage0.database.superuserUrl, async (client) => {
      await client.query('ALTER TABLE ledger.universal_registry DISABLE TRIGGER append_only');
      await client.query(
        `UPDATE ledger.universal_registry SET tx_id = (SELECT tx_id FROM ledger.universal_registry WHERE this = 'kept')
          WHERE this = 'new 1'`,
      );
      await client.query('ALTER TABLE ledger.universal_registry ENABLE ALWAYS TRIGGER append_only');
    });
    assert.deepEqual((await readTo('new 2', cursor)).seen, ['new 1', 'new 2']);
  });

  it('a cursor ahead of the server in its own epoch is 410 cursor_ahead', async () => {
    const { rows } = await asOwner('SELECT epoch FROM app.feed_epoch');
    const position = { order: 'feed', txId: '9000000000000', ordinal: '1' } as const;
    const listing = { order: 'feed', filter: {}, user: 'alice', tenant: 'acme' };
    const cursor = stage0.cursors.seal({ epoch: rows[0].epoch, position }, listing);
    const { status, body } = await read(cursor);
    assert.equal(status, 410);
    assert.equal(body.type, 'urn:logline:problem:cursor_ahead');
  });

  it('a cursor of an epoch that the restored ledger never heard of is 410 cursor_ahead', async () => {
    await asOwner('SELECT app.begin_feed_epoch()');
    await post('gone');
    const { cursor } = await readTo('gone');
    await asOwner('DELETE FROM app.feed_epoch WHERE number = 2');
    assert.equal((await read(cursor)).status, 410);
  });

  it('a listing begun before a restore stays within its snapshot', async () => {
    for (const name of ['a', 'b', 'c']) await post(name);
    const first = await read(undefined, 'asc', 1);
    await asOwner('SELECT app.begin_feed_epoch()');
    await post('d');
    const rest = await read(first.body.next_cursor, 'asc');
    assert.deepEqual(
      rest.body.spans.map((span: { this: string }) => span.this),
      ['b', 'c'],
    );
  });

  it('every append answers its position, which reveals nothing, and any reader may send one', async () => {
    const body = { id: '0192f0e1-7a11-7111-8111-0123456789ab', entity_type: 'note', who: 'a', this: 'b' };
    for (const status of [201, 200]) {
      const answer = await stage0.call('/api/spans', { token, body });
      assert.equal(answer.status, status);
      const position = answer.headers.get('x-logline-position') ?? '';
      assert.match(position, /^[\w-]{60,}$/);
      assert.equal(stage0.cursors.openPosition(position)?.txId.match(/^\d+$/)?.length, 1);
      for (const atLeast of [position, 'none of ours', '']) {
        const headers = { 'x-logline-at-least': atLeast };
        assert.equal((await stage0.call('/api/timeline', { token, headers })).status, 200);
      }
    }
  });

  it('logline_app can read epochs and begin none', async () => {
    await withClient(stage0.database.appUrl, async (client) => {
      assert.equal((await client.query('SELECT * FROM app.feed_epoch')).rows.length, 1);
      for (const sql of [
        'INSERT INTO app.feed_epoch DEFAULT VALUES',
        'DELETE FROM app.feed_epoch',
        'UPDATE app.feed_epoch SET began_at = now()',
        'SELECT app.begin_feed_epoch()',
      ]) {
        await assert.rejects(client.query(sql), { code: '42501' });
      }
    });
  });
});

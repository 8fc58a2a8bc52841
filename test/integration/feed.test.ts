import assert from 'node:assert/strict';
import { insertRow, rawRow, setIdentity, withClient } from '../support/sql-session';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { until } from '../support/until';

const ALICE = { user: 'alice', tenant: 'acme' };

describe('feed', () => {
  let stage0: TestStage0;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
  });
  after(() => stage0.close());

  const post = async (...names: string[]): Promise<void> => {
    const body = names.map((name) => ({ entity_type: 'note', who: 'alice', this: name }));
    assert.equal((await stage0.call('/api/spans', { token, body })).status, 201);
  };

  /** A subscriber that keeps its last cursor. */
  function subscriber(query = '', by: string = token) {
    let cursor = '';
    const seen: string[] = [];
    return {
      seen,
      async poll(): Promise<void> {
        for (;;) {
          const page = await stage0.call(`/api/timeline?order=feed&limit=3${query}${cursor}`, { token: by });
          assert.equal(page.status, 200, JSON.stringify(page.body));
          assert.equal(typeof page.body.next_cursor, 'string');
          cursor = `&cursor=${page.body.next_cursor}`;
          seen.push(...page.body.spans.map((span: { this: string }) => span.this));
          if (!page.body.has_more) return;
        }
      },
      /** Polls until `count` spans were seen; other sessions of the server may hold the feed back briefly. */
      async seeAll(count: number): Promise<readonly string[]> {
        await until(`the feed shows ${count} spans`, async () => {
          await this.poll();
          return seen.length >= count;
        });
        return seen;
      },
    };
  }

  it('never jumps over a transaction that commits late: nothing after it shows before it does', async () => {
    const reader = subscriber();
    await reader.poll();
    await post('before 1', 'before 2');
    await reader.seeAll(2);

    await withClient(stage0.database.appUrl, async (slow) => {
      await slow.query('BEGIN');
      await setIdentity(slow, ALICE);
      await insertRow(slow, rawRow({ this: 'slow 1' }));
      await post('during 1', 'during 2');
      await reader.poll();
      assert.deepEqual(reader.seen, ['before 1', 'before 2']);
      await insertRow(slow, rawRow({ this: 'slow 2' }));
      await post('during 3');
      await reader.poll();
      assert.deepEqual(reader.seen, ['before 1', 'before 2']);
      await slow.query('COMMIT');
    });
    await post('after');
    assert.deepEqual(await reader.seeAll(8), [
      'before 1',
      'before 2',
      'slow 1',
      'slow 2',
      'during 1',
      'during 2',
      'during 3',
      'after',
    ]);
    const late = subscriber();
    assert.deepEqual(await late.seeAll(8), reader.seen);
  });

  it('continues when a slow transaction is rolled back', async () => {
    const reader = subscriber();
    await reader.poll();
    const already = reader.seen.length;
    await withClient(stage0.database.appUrl, async (slow) => {
      await slow.query('BEGIN');
      await setIdentity(slow, ALICE);
      await insertRow(slow, rawRow({ this: 'never' }));
      await post('kept');
      await reader.poll();
      assert.equal(reader.seen.length, already);
      await slow.query('ROLLBACK');
    });
    const seen = await reader.seeAll(already + 1);
    assert.deepEqual(seen.slice(already), ['kept']);
  });

  it('a slow transaction of a stranger delays and shows nothing', async () => {
    const reader = subscriber();
    await reader.poll();
    const already = reader.seen.length;
    await withClient(stage0.database.appUrl, async (slow) => {
      await slow.query('BEGIN');
      await setIdentity(slow, { user: 'mallory', tenant: 'globex' });
      await insertRow(
        slow,
        rawRow({ this: 'foreign', owner_id: 'mallory', tenant_id: 'globex', visibility: 'tenant' }),
      );
      await post('mine');
      await slow.query('COMMIT');
    });
    assert.deepEqual((await reader.seeAll(already + 1)).slice(already), ['mine']);
  });

  it('shows commits of concurrent writers, each span once, in one order for all subscribers', async () => {
    const [one, two] = [subscriber(), subscriber()];
    await one.poll();
    const already = one.seen.length;
    const names = Array.from({ length: 200 }, (_, index) => `busy ${index}`);
    let isWriting = true;
    const writing = Promise.all(names.map((name) => post(name))).finally(() => {
      isWriting = false;
    });
    while (isWriting) await one.poll();
    await writing;
    const seen = (await one.seeAll(already + names.length)).slice(already);
    assert.deepEqual([...seen].sort(), [...names].sort());
    assert.deepEqual((await two.seeAll(already + names.length)).slice(already), seen);
  });

  it('shows a deletion, which a listing hides', async () => {
    const { body } = await stage0.call('/api/spans', {
      token,
      body: { entity_type: 'doomed', who: 'a', this: 'v0' },
    });
    const deletion = {
      id: body.span.id,
      seq: 1,
      entity_type: 'doomed',
      who: 'a',
      this: 'v1',
      is_deleted: true,
    };
    await stage0.call('/api/spans', { token, body: deletion });
    assert.deepEqual(await subscriber('&entity_type=doomed').seeAll(2), ['v0', 'v1']);
  });

  it('keeps the order of a request', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `in order ${index}`);
    const reader = subscriber();
    await reader.poll();
    const already = reader.seen.length;
    await post(...names);
    assert.deepEqual((await reader.seeAll(already + 50)).slice(already), names);
  });
});

import assert from 'node:assert/strict';
import { assertProblem } from '../support/problem';
import { insertRow, inTransaction, rawRow, withClient } from '../support/sql-session';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { until } from '../support/until';

describe('tail of the feed', () => {
  let stage0: TestStage0;
  let token: string;
  beforeEach(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
  });
  afterEach(() => stage0.close());

  const post = async (name: string, by = token, more: object = {}) => {
    const body = { entity_type: 'note', who: 'alice', this: name, ...more };
    const answer = await stage0.call('/api/spans', { token: by, body });
    assert.equal(answer.status, 201);
    return answer.body.span;
  };
  const names = (spans: readonly { this: string }[]) => spans.map((span) => span.this);
  const list = (query: string, headers: Record<string, string> = {}, by: string | undefined = token) =>
    stage0.call(`/api/timeline?order=feed${query}`, { token: by, headers });
  const end = async (query = '') => {
    const { status, body } = await list(`&from=end${query}`);
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  };
  const hold = (cursor: string, seconds = 20, query = '') =>
    list(`&cursor=${cursor}${query}`, { prefer: `wait=${seconds}` });

  it('from=end is an empty page, and delivers everything that commits after it', async () => {
    await post('old');
    const { cursor, ...page } = await end().then(({ next_cursor, ...rest }) => ({
      cursor: next_cursor,
      ...rest,
    }));
    assert.deepEqual(page, { spans: [], count: 0, has_more: false });
    await post('new');
    await until('the new span shows', async () => {
      const { body } = await list(`&cursor=${cursor}`);
      const seen = names(body.spans);
      assert.ok(seen.every((name) => name === 'new' || name === 'old'));
      return seen.at(-1) === 'new';
    });
  });

  it('from=end does not skip a transaction that is open while it answers', async () => {
    await withClient(stage0.database.appUrl, async (slow) => {
      let cursor = '';
      await inTransaction(slow, { user: 'alice', tenant: 'acme' }, async () => {
        await insertRow(slow, rawRow({ this: 'slow' }));
        cursor = (await end()).next_cursor;
      });
      await until('the slow span shows', async () =>
        names((await list(`&cursor=${cursor}`)).body.spans).includes('slow'),
      );
    });
  });

  it('from=end goes with order=feed and without a cursor only', async () => {
    const { next_cursor } = await end();
    assertProblem(await list(`&from=end&cursor=${next_cursor}`), 400, ['/from']);
    assertProblem(await stage0.call('/api/timeline?from=end', { token }), 400, ['/from']);
    assertProblem(await stage0.call('/api/timeline?from=end&order=asc', { token }), 400, ['/from']);
    assertProblem(await list('&from=start'), 400, ['/from']);
  });

  it('a held empty page fills at the next commit, in this process or another', async () => {
    const { next_cursor } = await end();
    const held = hold(next_cursor);
    await post('here');
    const first = await held;
    assert.deepEqual(names(first.body.spans), ['here']);
    assert.equal(first.headers.get('preference-applied'), 'wait=20');
    const again = hold(first.body.next_cursor);
    await withClient(stage0.database.appUrl, (client) =>
      inTransaction(client, { user: 'alice', tenant: 'acme' }, () =>
        insertRow(client, rawRow({ this: 'there' })),
      ),
    );
    assert.deepEqual(names((await again).body.spans), ['there']);
  });

  it('spans that the caller may not read or that do not match do not end a wait', async () => {
    const { next_cursor } = await end('&entity_type=wanted');
    const held = hold(next_cursor, 20, '&entity_type=wanted');
    await post('secret', await stage0.token('mallory', 'globex'), { entity_type: 'wanted' });
    await post('unwanted');
    await post('wanted', token, { entity_type: 'wanted' });
    assert.deepEqual(names((await held).body.spans), ['wanted']);
  });

  it('a wait ends empty at its time limit, of at most 20 s', async () => {
    const { next_cursor } = await end();
    const answer = await hold(next_cursor, 1);
    assert.deepEqual([answer.status, answer.body.count], [200, 0]);
    assert.equal(answer.headers.get('preference-applied'), 'wait=1');
    await post('x');
    const capped = await hold(next_cursor, 600);
    assert.equal(capped.headers.get('preference-applied'), 'wait=20');
    for (const other of ['0', 'x', '-1']) {
      const plain = await list(`&cursor=${next_cursor}`, { prefer: `wait=${other}` });
      assert.equal(plain.headers.get('preference-applied'), null);
    }
  });

  it('a wait ends when its token is revoked', async () => {
    const { next_cursor } = await end('&entity_type=never');
    const held = hold(next_cursor, 20, '&entity_type=never');
    const [, claims = ''] = token.split('.');
    const { jti } = JSON.parse(Buffer.from(claims, 'base64url').toString());
    await post(jti, await stage0.token('bob', 'acme'), { entity_type: 'token_revocation' });
    assertProblem(await held, 401);
  });

  it('a tenant waits 20 times at once; one more is answered at once, and other tenants wait', async () => {
    const { next_cursor } = await end();
    const asked = Array.from({ length: 25 }, () => hold(next_cursor));
    // Five are above the limit and are answered at once.
    let refused = 0;
    for (const answer of asked)
      void answer.then(({ headers }) => {
        if (headers.get('preference-applied') === null) refused += 1;
      });
    await until('five are answered', () => Promise.resolve(refused === 5));
    const other = await stage0.token('bob', 'globex');
    const cursor = (await list('&from=end', {}, other)).body.next_cursor;
    const theirs = list(`&cursor=${cursor}`, { prefer: 'wait=20' }, other);
    await post('for all', token, { visibility: 'public' });
    const held = (await Promise.all(asked)).filter(({ body }) => body.count > 0);
    assert.equal(held.length, 20);
    for (const { body } of held) assert.deepEqual(names(body.spans), ['for all']);
    assert.equal((await theirs).headers.get('preference-applied'), 'wait=20');
  });
});

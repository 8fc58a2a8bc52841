import assert from 'node:assert/strict';
import { Database } from '../../../runtime/db/pool';
import { FeedWaiters } from '../../../runtime/ledger/feed-waiters';
import { createTestStage0, type TestStage0 } from '../../support/test-stage0';

describe('a wait for news in the feed', () => {
  let stage0: TestStage0;
  before(async () => {
    stage0 = await createTestStage0();
  });
  after(() => stage0.close());

  it('goes on behind what it has looked at, so that a busy stranger does not make each look longer', async () => {
    const waiters = new FeedWaiters({ database: stage0.pool, lookEveryMs: 5 });
    const stranger = { user: 'bob', tenant: 'globex' };
    const { xmin } = await stage0.epochs.read();
    await stage0.writer.append(stranger, [{ entity_type: 'note', who: 'bob', this: 'private' }]);
    const identity = { user: 'alice', tenant: 'acme' };
    const { isNews, since } = await waiters.next(identity, xmin, 500, new AbortController().signal);
    assert.equal(isNews, false);
    assert.ok(since > xmin, `${since} > ${xmin}`);
    await stage0.writer.append(identity, [{ entity_type: 'note', who: 'alice', this: 'mine' }]);
    assert.equal((await waiters.next(identity, since, 10_000, new AbortController().signal)).isNews, true);
  });
});

describe('slots for waiting feed requests', () => {
  // No server listens here: taking a slot needs no query.
  const database = new Database({ connectionString: 'postgres://nobody@127.0.0.1:1/none' });
  after(() => database.pool.end());

  it('are bounded over all tenants and for each, and free again once given back', () => {
    const waiters = new FeedWaiters({ database, maxWaiters: 3, maxPerTenant: 2 });
    const [first, second] = [waiters.takeSlot('acme'), waiters.takeSlot('acme')];
    assert.ok(first !== undefined && second !== undefined);
    assert.equal(waiters.takeSlot('acme'), undefined);

    assert.ok(waiters.takeSlot('globex') !== undefined);
    assert.equal(waiters.takeSlot('initech'), undefined);

    first();
    assert.ok(waiters.takeSlot('initech') !== undefined);
    assert.equal(waiters.takeSlot('acme'), undefined);
  });

  it('are 20 for a tenant and 1,000 in all', () => {
    const waiters = new FeedWaiters({ database });
    for (let tenant = 0; tenant < 50; tenant += 1) {
      for (let own = 0; own < 20; own += 1) assert.ok(waiters.takeSlot(`t${tenant}`) !== undefined);
      assert.equal(waiters.takeSlot(`t${tenant}`), undefined);
    }
    assert.equal(waiters.takeSlot('late'), undefined);
  });
});

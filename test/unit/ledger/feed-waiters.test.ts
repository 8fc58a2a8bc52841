import assert from 'node:assert/strict';
import { Database } from '../../../runtime/db/pool';
import { FeedWaiters } from '../../../runtime/ledger/feed-waiters';

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
});

import assert from 'node:assert/strict';
import { FeedHold } from '../../../runtime/ledger/feed-hold';

describe('a transaction that holds back the feed', () => {
  it('is noticed after more than 20 s, also when the clock is set back meanwhile', () => {
    let nowMs = 1_000_000;
    const hold = new FeedHold(() => nowMs);
    assert.equal(hold.isHeldBack(1n, 2n), false);
    nowMs = 0;
    assert.equal(hold.isHeldBack(1n, 3n), false);
    nowMs = 20_000;
    assert.equal(hold.isHeldBack(1n, 4n), false);
    nowMs = 20_001;
    assert.equal(hold.isHeldBack(1n, 5n), true);
  });
});

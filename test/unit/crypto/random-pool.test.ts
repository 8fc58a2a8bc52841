import assert from 'node:assert/strict';
import { pooledRandomBytes, pooledRandomHex } from '../../../runtime/crypto/random-pool';

describe('pooled random bytes', () => {
  it('must never hand out the same bytes twice, also across refills', () => {
    const seen = new Set(Array.from({ length: 5_000 }, () => pooledRandomHex(16)));
    assert.equal(seen.size, 5_000);
  });

  it('must be as many as asked for, in bytes and in hex', () => {
    for (const count of [0, 1, 16, 1_024]) {
      assert.equal(pooledRandomBytes(count).length, count);
      assert.match(pooledRandomHex(count), new RegExp(`^[0-9a-f]{${count * 2}}$`));
    }
  });

  it('must refuse counts that the stock is not made for', () => {
    for (const count of [-1, 1.5, 1_025]) assert.throws(() => pooledRandomBytes(count), RangeError);
  });
});

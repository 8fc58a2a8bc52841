import assert from 'node:assert/strict';
import { validate, version } from 'uuid';
import { newSpanId } from '../../../runtime/ledger/span-id';

describe('span id', () => {
  it('must be a UUIDv7 of this moment, in lower case', () => {
    const before = Date.now();
    const id = newSpanId();
    assert.ok(validate(id) && version(id) === 7 && id === id.toLowerCase(), id);
    const ms = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
    assert.ok(ms >= before && ms <= Date.now(), id);
  });

  it('must ascend from one to the next, within a millisecond too', () => {
    const ids = Array.from({ length: 20_000 }, newSpanId);
    assert.deepEqual(ids, [...new Set(ids)].sort());
  });
});

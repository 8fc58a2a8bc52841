import assert from 'node:assert/strict';
import { validate, version } from 'uuid';
import { newSpanId } from '../../../runtime/ledger/span-id';
import { FAR_AHEAD_MS, withClockAhead } from '../../support/clock';

const msOf = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

describe('span id', () => {
  it('must be a UUIDv7 of this moment, in lower case', () => {
    const before = Date.now();
    const id = newSpanId();
    assert.ok(validate(id) && version(id) === 7 && id === id.toLowerCase(), id);
    assert.ok(msOf(id) >= before && msOf(id) <= Date.now(), id);
  });

  it('must ascend from one to the next, within a millisecond too', () => {
    const ids = Array.from({ length: 20_000 }, newSpanId);
    assert.deepEqual(ids, [...new Set(ids)].sort());
  });

  it('must be of this moment again once a clock that was ahead is set back, and ascend from there', async () => {
    const early = await withClockAhead(FAR_AHEAD_MS, newSpanId);
    const before = Date.now();
    const ids = [newSpanId(), newSpanId()];
    assert.ok(ids.every((id) => id < early && msOf(id) >= before && msOf(id) <= Date.now()));
    assert.deepEqual(ids, [...ids].sort());
  });

  it('must ascend while the clock is adjusted by less than a minute', async () => {
    const early = await withClockAhead(50, newSpanId);
    assert.ok(newSpanId() > early);
  });
});

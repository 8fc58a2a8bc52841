import assert from 'node:assert/strict';
import { type FeedEpoch, survivingPosition } from '../../../runtime/ledger/feed-epoch';
import type { TimelinePosition } from '../../../runtime/ledger/timeline';

const feed = (txId: string, ordinal: string): TimelinePosition => ({ order: 'feed', txId, ordinal });
const EPOCHS: readonly FeedEpoch[] = [
  { epoch: 'first', survived: undefined },
  { epoch: 'second', survived: { txId: '100', ordinal: '7' } },
  { epoch: 'third', survived: { txId: '90', ordinal: '900' } },
];

describe('position of an earlier epoch', () => {
  it('stays where it is when its position survived', () => {
    assert.deepEqual(survivingPosition(feed('90', '900'), 'first', EPOCHS), feed('90', '900'));
    assert.deepEqual(survivingPosition(feed('9', '9999'), 'second', EPOCHS), feed('9', '9999'));
    assert.deepEqual(survivingPosition(feed('2000', '1'), 'third', EPOCHS), feed('2000', '1'));
  });

  it('continues from the last position that survived every restore since', () => {
    assert.deepEqual(survivingPosition(feed('100', '7'), 'second', EPOCHS), feed('90', '900'));
    assert.deepEqual(survivingPosition(feed('90', '901'), 'second', EPOCHS), feed('90', '900'));
    assert.deepEqual(survivingPosition(feed('100', '8'), 'first', EPOCHS.slice(0, 2)), feed('100', '7'));
  });

  it('of a listing sees no transaction that was lost', () => {
    const listing = (snapshot: string): TimelinePosition => ({
      order: 'desc',
      snapshot,
      at: '2025-01-01T00:00:00.000Z',
      id: 'x',
      seq: 0,
    });
    const seen = (snapshot: string) => survivingPosition(listing(snapshot), 'second', EPOCHS);
    assert.deepEqual(seen('80:90:81,85'), listing('80:90:81,85'));
    assert.deepEqual(seen('80:95:81,90,93'), listing('80:91:81,90'));
    assert.deepEqual(seen('120:130:122'), listing('91:91:'));
  });

  it('is unknown when its epoch is', () => {
    assert.equal(survivingPosition(feed('1', '1'), 'never', EPOCHS), undefined);
  });
});

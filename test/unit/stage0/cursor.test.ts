import assert from 'node:assert/strict';
import { MalformedError } from '../../../runtime/base/errors';
import { generateSigningKey } from '../../../runtime/crypto';
import type { EpochPosition } from '../../../runtime/ledger/epoch-timeline';
import type { TimelinePosition } from '../../../runtime/ledger/timeline';
import { CursorSealer } from '../../../runtime/stage0/cursor';
import { validateTimelineQuery } from '../../../runtime/stage0/validators.generated';

const EPOCH = '8f7ba2b5-0d4e-4c5f-9f5c-6d8b0a3c1e77';
const positions: readonly EpochPosition[] = (
  [
    { order: 'feed', txId: '18446744073709551615', ordinal: '9223372036854775807' },
    {
      order: 'desc',
      snapshot: '100:110:101,105',
      at: '2025-01-01T00:00:00.000Z',
      id: '0192f0e1-7a11-7111-8111-0123456789ab',
      seq: 7,
    },
    {
      order: 'asc',
      snapshot: '1:1:',
      at: '0001-01-01T00:00:00.000Z',
      id: '0192f0e1-7a11-7111-8111-0123456789ab',
      seq: 0,
    },
  ] satisfies readonly TimelinePosition[]
).map((position) => ({ epoch: EPOCH, position }));
const query = { order: 'desc', filter: { who: 'alice' }, user: 'alice', tenant: 'acme' };

describe('cursor', () => {
  const key = generateSigningKey();
  const sealer = new CursorSealer([key]);

  it('gives back the position it was made of', () => {
    for (const position of positions) {
      const cursor = sealer.seal(position, query);
      assert.match(cursor, /^[\w-]+$/);
      assert.deepEqual(sealer.open(cursor, query), position);
    }
  });

  it('does not open for any other query or caller', () => {
    for (const position of positions) {
      const cursor = sealer.seal(position, query);
      for (const other of [
        { ...query, order: 'asc' },
        { ...query, filter: {} },
        { ...query, filter: { who: 'alice', did: 'x' } },
        { ...query, user: 'bob' },
        { ...query, tenant: 'globex' },
        { ...query, user: 'acme', tenant: 'alice' },
        {},
      ]) {
        assert.throws(() => sealer.open(cursor, other), MalformedError);
      }
    }
  });

  it('does not open when a bit of it was changed', () => {
    const [position] = positions;
    assert.ok(position);
    const bytes = Buffer.from(sealer.seal(position, query), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const edited = Buffer.from(bytes);
      edited[bit >> 3] = (edited[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(() => sealer.open(edited.toString('base64url'), query), MalformedError);
    }
    for (const text of ['', 'x', `${bytes.toString('base64url')}=`, `${bytes.toString('base64url')}\n`]) {
      assert.throws(() => sealer.open(text, query), MalformedError);
    }
  });

  it('outlives the rotation of the instance key as long as the old key is named', () => {
    const [position] = positions;
    assert.ok(position);
    const cursor = sealer.seal(position, query);
    const next = generateSigningKey();
    assert.deepEqual(new CursorSealer([next, key]).open(cursor, query), position);
    assert.throws(() => new CursorSealer([next]).open(cursor, query), MalformedError);
  });

  it('of a snapshot with 400 open transactions is still one that a query may carry', () => {
    const open = Array.from({ length: 400 }, (_, index) => 4_000_000_000 + 2 * index);
    const snapshot = `4000000000:4000000800:${open.join()}`;
    const position = { order: 'desc', snapshot, at: '2025-01-01T00:00:00.000Z', id: 'x', seq: 0 } as const;
    const cursor = sealer.seal({ epoch: EPOCH, position }, query);
    assert.ok(validateTimelineQuery({ cursor }), `${cursor.length} characters`);
  });

  it('reveals nothing of its transaction ids, not even their length', () => {
    const cursors = ['1', '12345678901234567'].map((txId) =>
      sealer.seal({ epoch: EPOCH, position: { order: 'feed', txId, ordinal: '1' } }, query),
    );
    assert.equal(new Set(cursors.map((cursor) => cursor.length)).size, 1);
    for (const cursor of cursors) {
      const text = Buffer.from(cursor, 'base64url').toString('latin1');
      assert.ok(!text.includes('feed') && !text.includes(EPOCH) && !text.includes('12345678901234567'));
    }
  });

  it('is another one each time, also for the same position', () => {
    const [position] = positions;
    assert.ok(position);
    assert.notEqual(sealer.seal(position, query), sealer.seal(position, query));
  });
});

describe('position of a write', () => {
  const key = generateSigningKey();
  const sealer = new CursorSealer([key]);
  const position = { epoch: EPOCH, txId: '4711' };

  it('opens under its key, also when that was rotated', () => {
    const text = sealer.sealPosition(position);
    assert.deepEqual(sealer.openPosition(text), position);
    assert.deepEqual(new CursorSealer([generateSigningKey(), key]).openPosition(text), position);
  });

  it('is undefined when it is forged, and no cursor counts as one', () => {
    const [cursor] = positions;
    assert.ok(cursor);
    const strange = [
      new CursorSealer([generateSigningKey()]).sealPosition(position),
      sealer.seal(cursor, query),
      '',
      'x'.repeat(200),
      `${sealer.sealPosition(position)}=`,
    ];
    for (const text of strange) assert.equal(sealer.openPosition(text), undefined);
  });
});

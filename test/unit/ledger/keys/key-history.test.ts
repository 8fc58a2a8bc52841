import assert from 'node:assert/strict';
import type { SignedSpan, Span } from '../../../../runtime/base/span';
import { cryptoReady, generateSigningKey, type SigningKey } from '../../../../runtime/crypto';
import { keyHistoryOf, keysAround } from '../../../../runtime/ledger/keys/key-history';
import { signedSpan } from '../../../support/spans';

describe('key history', () => {
  before(cryptoReady);

  let minute = 0;

  /** The introduction of `key` as the instance's, signed by `introducer`. */
  function introduction(
    key: SigningKey,
    introducer: SigningKey = key,
    members: Partial<Span> = {},
  ): SignedSpan {
    minute += 1;
    return signedSpan(
      {
        entity_type: 'instance_key',
        owner_id: 'system',
        tenant_id: 'system',
        visibility: 'public',
        this: key.publicKeyHex,
        status: 'active',
        at: new Date(Date.UTC(2025, 0, 1, 0, minute)).toISOString(),
        ...members,
      },
      introducer,
    );
  }

  function change(before: SignedSpan, signer: SigningKey, members: Partial<Span>): SignedSpan {
    const { curr_hash, signature: _s, public_key: _k, ...span } = before;
    return signedSpan({ ...span, seq: before.seq + 1, prev_hash: curr_hash, ...members }, signer);
  }

  it('lists keys, their introducers and their status, whatever the order of the spans', () => {
    const [one, two, three] = [generateSigningKey(), generateSigningKey(), generateSigningKey()];
    const first = introduction(one);
    const retired = change(first, two, { status: 'retired', at: '2025-02-01T00:00:00.000Z' });
    const spans = [introduction(two, one), introduction(three, two), first, retired];
    for (const order of [spans, [...spans].reverse()]) {
      const { keys, faults } = keyHistoryOf(order);
      assert.deepEqual(faults, []);
      assert.deepEqual(
        [...keys.values()].map(({ publicKeyHex, status, introducedBy }) => [
          publicKeyHex,
          status,
          introducedBy,
        ]),
        [
          [one.publicKeyHex, 'retired', undefined],
          [two.publicKeyHex, 'active', one.publicKeyHex],
          [three.publicKeyHex, 'active', two.publicKeyHex],
        ],
      );
      assert.equal(keys.get(one.publicKeyHex)?.retiredAt, '2025-02-01T00:00:00.000Z');
    }
  });

  it('ignores key spans of other owners', () => {
    const [one, intruder] = [generateSigningKey(), generateSigningKey()];
    const { keys, faults } = keyHistoryOf([
      introduction(one),
      introduction(intruder, one, { tenant_id: 'acme', owner_id: 'system' }),
      introduction(intruder, intruder, { owner_id: 'mallory' }),
    ]);
    assert.deepEqual([[...keys.keys()], faults], [[one.publicKeyHex], []]);
  });

  it('passes over an introduction that was changed after it was signed', () => {
    const [one, intruder] = [generateSigningKey(), generateSigningKey()];
    const { keys } = keyHistoryOf([
      introduction(one),
      { ...introduction(generateSigningKey(), one), this: intruder.publicKeyHex },
    ]);
    assert.deepEqual([...keys.keys()], [one.publicKeyHex]);
  });

  it('does not know a key that a stranger introduced', () => {
    const [one, two, stranger] = [generateSigningKey(), generateSigningKey(), generateSigningKey()];
    const { keys, faults } = keyHistoryOf([introduction(one), introduction(two, stranger)]);
    assert.deepEqual([...keys.keys()], [one.publicKeyHex]);
    assert.match(faults.join(), new RegExp(`${two.publicKeyHex} was introduced by ${stranger.publicKeyHex}`));
  });

  it('follows the first key that a key introduced, and reports further ones', () => {
    const [one, two, other] = [generateSigningKey(), generateSigningKey(), generateSigningKey()];
    const { keys, faults } = keyHistoryOf([
      introduction(one),
      introduction(two, one),
      introduction(other, one),
    ]);
    assert.deepEqual([...keys.keys()], [one.publicKeyHex, two.publicKeyHex]);
    assert.deepEqual(faults.length, 1);
    assert.match(faults.join(), new RegExp(`${other.publicKeyHex} is not the only one`));
  });

  it('reports a history with two beginnings', () => {
    const { faults } = keyHistoryOf([introduction(generateSigningKey()), introduction(generateSigningKey())]);
    assert.match(faults.join(), /begins a history of its own/);
  });

  it('reports a missing version, and ignores later ones', () => {
    const [one, two] = [generateSigningKey(), generateSigningKey()];
    const first = introduction(one);
    const retired = change(first, two, { status: 'retired' });
    const revoked = change(retired, two, { status: 'revoked' });
    const { keys, faults } = keyHistoryOf([first, introduction(two, one), revoked]);
    assert.equal(keys.get(one.publicKeyHex)?.status, 'active');
    assert.match(faults.join(), /version 2 does not follow/);
  });

  it('does not let a stranger revoke a key', () => {
    const one = generateSigningKey();
    const first = introduction(one);
    const { keys, faults } = keyHistoryOf([
      first,
      change(first, generateSigningKey(), { status: 'revoked', metadata: {} }),
    ]);
    assert.equal(keys.get(one.publicKeyHex)?.status, 'active');
    assert.match(faults.join(), /signed by no key of the history/);
  });

  it('never undoes a revocation, and keeps its earliest timestamp', () => {
    const [one, two] = [generateSigningKey(), generateSigningKey()];
    const first = introduction(one);
    const revoked = change(first, two, {
      status: 'revoked',
      metadata: { revoked_from: '2025-03-01T00:00:00.000Z', reason: 'a lost laptop' },
    });
    const later = change(revoked, two, {
      status: 'revoked',
      metadata: { revoked_from: '2025-04-01T00:00:00.000Z' },
    });
    const back = change(later, two, { status: 'active' });
    const { keys } = keyHistoryOf([first, introduction(two, one), revoked, later, back]);
    const key = keys.get(one.publicKeyHex);
    assert.deepEqual(
      [key?.status, key?.revokedFrom, key?.reason],
      ['revoked', '2025-03-01T00:00:00.000Z', 'a lost laptop'],
    );
  });

  it('connects an anchor with the keys before and after it, and with no other', () => {
    const [one, two, three, apart, unknown] = Array.from({ length: 5 }, () => generateSigningKey());
    assert.ok(one && two && three && apart && unknown);
    const history = keyHistoryOf([
      introduction(one),
      introduction(two, one),
      introduction(three, two),
      introduction(apart),
    ]);
    assert.deepEqual(
      keysAround(history, new Set([two.publicKeyHex])),
      new Set([one, two, three].map((key) => key.publicKeyHex)),
    );
    assert.deepEqual(keysAround(history, new Set([unknown.publicKeyHex])), new Set([unknown.publicKeyHex]));
  });
});

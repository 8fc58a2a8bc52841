import assert from 'node:assert/strict';
import { generateSigningKey } from '../../../../runtime/crypto';
import { KeyRing } from '../../../../runtime/ledger/keys/key-ring';

describe('KeyRing', () => {
  const one = generateSigningKey();
  const two = generateSigningKey();
  const three = generateSigningKey();

  it('trusts the next key before it signs, and signs with it once it is promoted', () => {
    const announced = new KeyRing([one]).withNext(two);
    assert.equal(announced.current, one);
    assert.ok(announced.trusted.has(two.publicKeyHex));
    const rotated = announced.promoted();
    assert.equal(rotated.current, two);
    assert.equal(rotated.next, undefined);
    assert.deepEqual(rotated.earlier, [one]);
    assert.ok(rotated.trusted.has(one.publicKeyHex));
  });

  it('distrusts a revoked key and its tokens, but accepts its cursors', () => {
    const ring = new KeyRing([three, two, one]).withRevoked({ publicKeyHex: two.publicKeyHex });
    assert.ok(!ring.trusted.has(two.publicKeyHex));
    assert.deepEqual(ring.keys, [three, one]);
    assert.deepEqual(ring.cursorKeys, [three, two, one]);
  });

  it('keeps revoked and retired keys over a rotation', () => {
    const gone = 'ab'.repeat(32);
    const ring = new KeyRing([two, one], { retired: [gone] })
      .withRevoked({ publicKeyHex: one.publicKeyHex })
      .withNext(three)
      .promoted();
    assert.ok(ring.trusted.has(gone));
    assert.ok(!ring.trusted.has(one.publicKeyHex));
    assert.ok(ring.trusted.has(two.publicKeyHex));
  });

  it('keeps the order of its keys', () => {
    assert.deepEqual(new KeyRing([two, one]).withNext(three).chronological, [one, two, three]);
  });

  it('does not sign with a revoked key', () => {
    assert.throws(() => new KeyRing([one]).withRevoked({ publicKeyHex: one.publicKeyHex }), TypeError);
  });
});

import assert from 'node:assert/strict';
import { MalformedError } from '../../../runtime/base/errors';
import { checkIdentity, isSameIdentity, NOBODY } from '../../../runtime/base/identity';

describe('identity', () => {
  it('is a user and a tenant, or empty', () => {
    for (const identity of [NOBODY, { user: 'alice', tenant: 'acme' }, { user: '歌', tenant: `'; --` }]) {
      assert.equal(checkIdentity(identity), identity);
    }
  });

  it('that is half, too long or holds controls never reaches a session', () => {
    for (const [user, tenant] of [
      ['alice', ''],
      ['', 'acme'],
      ['a\0b', 'acme'],
      ['alice', 'a\nb'],
      ['x'.repeat(256), 'acme'],
      ['\ud800', 'acme'],
    ] as const) {
      assert.throws(() => checkIdentity({ user, tenant }), MalformedError);
    }
  });

  it('is the same only when both names are', () => {
    const alice = { user: 'alice', tenant: 'acme' };
    assert.ok(isSameIdentity(alice, { ...alice }));
    assert.ok(!isSameIdentity(alice, { ...alice, tenant: 'globex' }));
    assert.ok(!isSameIdentity(alice, { ...alice, user: 'bob' }));
    assert.ok(!isSameIdentity(alice, { user: 'acme', tenant: 'alice' }));
  });
});

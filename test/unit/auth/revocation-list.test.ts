import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Caller } from '../../../runtime/auth';
import { RevocationList } from '../../../runtime/auth/revocation-list';
import type { Identity } from '../../../runtime/base/identity';
import { FAR_AHEAD_MS } from '../../support/clock';
import { createTestStage0, type TestStage0 } from '../../support/test-stage0';

describe('revocation list', () => {
  let stage0: TestStage0;
  before(async () => {
    stage0 = await createTestStage0();
  });
  after(() => stage0.close());

  /** A caller with a token of its own. */
  const aliceOf = (tenant: string): Caller & { readonly tokenId: string } => ({
    user: 'alice',
    tenant,
    scopes: new Set(),
    tokenId: randomUUID(),
    expiresAt: new Date(),
    isMintedHere: true,
  });
  const revoke = ({ tokenId }: { readonly tokenId: string }, by: Identity) =>
    stage0.writer.append(by, [{ entity_type: 'token_revocation', who: by.user, this: tokenId }]);

  it('another instance notices a revocation within the 60 s of the contract', async () => {
    let nowMs = 0;
    const list = new RevocationList(stage0.pool, () => nowMs);
    const caller = aliceOf('acme');
    assert.equal(await list.isRevoked(caller), false);
    await revoke(caller, { user: 'bob', tenant: 'acme' });
    nowMs = 59_999;
    assert.equal(await list.isRevoked(caller), true);
  });

  it('is asked again for what it remembers from before the clock was set back', async () => {
    let nowMs = FAR_AHEAD_MS;
    const list = new RevocationList(stage0.pool, () => nowMs);
    const caller = aliceOf('acme');
    assert.equal(await list.isRevoked(caller), false);
    await revoke(caller, { user: 'bob', tenant: 'acme' });
    nowMs = 0;
    assert.equal(await list.isRevoked(caller), true);
  });

  it('one and the same jti of two tenants are two tokens', async () => {
    const list = new RevocationList(stage0.pool);
    const caller = aliceOf('acme');
    await revoke(caller, { user: 'bob', tenant: 'acme' });
    assert.equal(await list.isRevoked({ ...caller, tenant: 'globex' }), false);
    assert.equal(await list.isRevoked(caller), true);
  });

  it("a tenant's revocation makes its own tokens be looked up again, and no other tenant's", async () => {
    const list = new RevocationList(stage0.pool);
    const caller = aliceOf('initech');
    assert.equal(await list.isRevoked(caller), false);
    await revoke(caller, { user: 'bob', tenant: 'initech' });
    list.forget('umbrella');
    assert.equal(await list.isRevoked(caller), false);
    list.forget('initech');
    assert.equal(await list.isRevoked(caller), true);
  });

  it("the system's revocation makes all tokens be looked up again", async () => {
    const list = new RevocationList(stage0.pool);
    const caller = aliceOf('hooli');
    assert.equal(await list.isRevoked(caller), false);
    await revoke(caller, { user: 'system', tenant: 'system' });
    list.forget('system');
    assert.equal(await list.isRevoked(caller), true);
  });

  it('an answer that was under way when the system revoked is not remembered', async () => {
    const list = new RevocationList(stage0.pool);
    const tokenId = randomUUID();
    const caller: Caller = {
      user: 'alice',
      tenant: 'hooli',
      scopes: new Set(),
      tokenId,
      expiresAt: new Date(),
      isMintedHere: true,
    };
    const underWay = list.isRevoked(caller);
    list.forget('system');
    assert.equal(await underWay, false);
    await stage0.writer.append({ user: 'system', tenant: 'system' }, [
      { entity_type: 'token_revocation', who: 'system', this: tokenId },
    ]);
    assert.equal(await list.isRevoked(caller), true);
  });

  it('the system tenant revokes any token', async () => {
    const list = new RevocationList(stage0.pool);
    const caller = aliceOf('acme');
    await revoke(caller, { user: 'system', tenant: 'system' });
    assert.equal(await list.isRevoked(caller), true);
  });
});

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Caller } from '../../../runtime/auth';
import { RevocationList } from '../../../runtime/auth/revocation-list';
import { FAR_AHEAD_MS } from '../../support/clock';
import { createTestStage0, type TestStage0 } from '../../support/test-stage0';

describe('revocation list', () => {
  let stage0: TestStage0;
  before(async () => {
    stage0 = await createTestStage0();
  });
  after(() => stage0.close());

  it('another instance notices a revocation within the 60 s of the contract', async () => {
    let nowMs = 0;
    const list = new RevocationList(stage0.pool, () => nowMs);
    const tokenId = randomUUID();
    const caller: Caller = {
      user: 'alice',
      tenant: 'acme',
      scopes: new Set(),
      tokenId,
      expiresAt: new Date(),
      isMintedHere: true,
    };
    assert.equal(await list.isRevoked(caller), false);
    await stage0.writer.append({ user: 'bob', tenant: 'acme' }, [
      { entity_type: 'token_revocation', who: 'bob', this: tokenId },
    ]);
    nowMs = 59_999;
    assert.equal(await list.isRevoked(caller), true);
  });

  it('is asked again for what it remembers from before the clock was set back', async () => {
    let nowMs = FAR_AHEAD_MS;
    const list = new RevocationList(stage0.pool, () => nowMs);
    const tokenId = randomUUID();
    const caller: Caller = {
      user: 'alice',
      tenant: 'acme',
      scopes: new Set(),
      tokenId,
      expiresAt: new Date(),
      isMintedHere: true,
    };
    assert.equal(await list.isRevoked(caller), false);
    await stage0.writer.append({ user: 'bob', tenant: 'acme' }, [
      { entity_type: 'token_revocation', who: 'bob', this: tokenId },
    ]);
    nowMs = 0;
    assert.equal(await list.isRevoked(caller), true);
  });

  it('one and the same jti of two tenants are two tokens', async () => {
    const list = new RevocationList(stage0.pool);
    const tokenId = randomUUID();
    await stage0.writer.append({ user: 'bob', tenant: 'acme' }, [
      { entity_type: 'token_revocation', who: 'bob', this: tokenId },
    ]);
    const caller = {
      user: 'alice',
      scopes: new Set<never>(),
      tokenId,
      expiresAt: new Date(),
      isMintedHere: true,
    };
    assert.equal(await list.isRevoked({ ...caller, tenant: 'globex' }), false);
    assert.equal(await list.isRevoked({ ...caller, tenant: 'acme' }), true);
  });

  it("a tenant's revocation makes its own tokens be looked up again, and no other tenant's", async () => {
    const list = new RevocationList(stage0.pool);
    const tokenId = randomUUID();
    const caller: Caller = {
      user: 'alice',
      tenant: 'initech',
      scopes: new Set(),
      tokenId,
      expiresAt: new Date(),
      isMintedHere: true,
    };
    assert.equal(await list.isRevoked(caller), false);
    await stage0.writer.append({ user: 'bob', tenant: 'initech' }, [
      { entity_type: 'token_revocation', who: 'bob', this: tokenId },
    ]);
    list.forget('umbrella');
    assert.equal(await list.isRevoked(caller), false);
    list.forget('initech');
    assert.equal(await list.isRevoked(caller), true);
  });

  it("the system's revocation makes all tokens be looked up again", async () => {
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
    assert.equal(await list.isRevoked(caller), false);
    await stage0.writer.append({ user: 'system', tenant: 'system' }, [
      { entity_type: 'token_revocation', who: 'system', this: tokenId },
    ]);
    list.forget('system');
    assert.equal(await list.isRevoked(caller), true);
  });

  it('the system tenant revokes any token', async () => {
    const list = new RevocationList(stage0.pool);
    const tokenId = randomUUID();
    await stage0.writer.append({ user: 'system', tenant: 'system' }, [
      { entity_type: 'token_revocation', who: 'system', this: tokenId },
    ]);
    const caller = {
      user: 'alice',
      tenant: 'acme',
      scopes: new Set<never>(),
      tokenId,
      expiresAt: new Date(),
      isMintedHere: true,
    };
    assert.equal(await list.isRevoked(caller), true);
  });
});

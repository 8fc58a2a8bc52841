import assert from 'node:assert/strict';
import { createHmac, createPublicKey, randomUUID } from 'node:crypto';
import { exportSPKI, SignJWT, UnsecuredJWT } from 'jose';
import { keyIdOf, mintToken, SCOPES, type Scope, tokenKeyOf } from '../../runtime/auth';
import { generateSigningKey } from '../../runtime/crypto';
import { assertProblem } from '../support/problem';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

const good = { entity_type: 'note', who: 'alice', this: 'hello' };
const FUNCTION = '00000000-0000-4000-8000-000000000006';

describe('token', () => {
  let stage0: TestStage0;
  before(async () => {
    stage0 = await createTestStage0();
  });
  after(() => stage0.close());

  const claims = (more: Record<string, unknown> = {}) => ({
    sub: 'alice',
    tenant: 'acme',
    scope: SCOPES.join(' '),
    exp: Math.floor(Date.now() / 1000) + 600,
    jti: randomUUID(),
    ...more,
  });
  /** A token signed by the instance, with these claims and header members. */
  const signed = (more: Record<string, unknown> = {}, header: Record<string, unknown> = {}) => {
    const key = tokenKeyOf(stage0.key);
    return new SignJWT(claims(more))
      .setProtectedHeader({ alg: 'EdDSA', kid: keyIdOf(key.publicKeyHex), ...header })
      .sign(key.keyObject());
  };

  /** Asserts that every route refuses a token, also routes that need none. */
  async function assertUseless(token: string): Promise<void> {
    assertProblem(await stage0.call('/api/spans', { token, body: good }), 401);
    assertProblem(await stage0.call('/api/timeline', { token }), 401);
    assertProblem(await stage0.call(`/api/spans/${randomUUID()}`, { token }), 401);
    assertProblem(await stage0.call('/api/manifest/kernel_manifest', { token }), 401);
    assertProblem(await stage0.call(`/api/execute/${FUNCTION}`, { token, body: {} }), 401);
  }

  it('that is good opens every route', async () => {
    const token = await signed();
    assert.equal((await stage0.call('/api/spans', { token, body: good })).status, 201);
    assert.equal((await stage0.call('/api/timeline', { token })).status, 200);
  });

  it('that is missing: nothing can be written or executed, and only public spans read', async () => {
    const token = await signed();
    for (const visibility of ['private', 'tenant', 'public']) {
      await stage0.call('/api/spans', { token, body: { ...good, entity_type: 'anonymous', visibility } });
    }
    assertProblem(await stage0.call('/api/spans', { body: good }), 401);
    assertProblem(await stage0.call(`/api/execute/${FUNCTION}`, { body: {} }), 401);
    const page = await stage0.call('/api/timeline?entity_type=anonymous');
    assert.equal(page.status, 200);
    assert.deepEqual(
      page.body.spans.map((span: { visibility: string }) => span.visibility),
      ['public'],
    );
  });

  it('that is no token', async () => {
    for (const token of ['x', 'a.b.c', '..', '....', 'e30.e30.', 'null', 'undefined', 'x'.repeat(20_000)]) {
      await assertUseless(token);
    }
    for (const authorization of ['Basic YTpi', 'Bearer', 'Bearer ', 'bearer a b', 'Token x']) {
      assertProblem(await stage0.call('/api/timeline', { headers: { authorization } }), 401);
    }
  });

  it('signed by another instance, also when it claims the kid of this one', async () => {
    const other = generateSigningKey();
    await assertUseless(
      await mintToken(other, { sub: 'alice', tenant: 'acme', scope: SCOPES, ttlSeconds: 60 }),
    );
    const forged = new SignJWT(claims())
      .setProtectedHeader({ alg: 'EdDSA', kid: keyIdOf(tokenKeyOf(stage0.key).publicKeyHex) })
      .sign(tokenKeyOf(other).keyObject());
    await assertUseless(await forged);
  });

  it('signed by the key that signs spans instead of the one derived from it', async () => {
    const kids = [keyIdOf(tokenKeyOf(stage0.key).publicKeyHex), keyIdOf(stage0.key.publicKeyHex)];
    for (const kid of kids) {
      const token = new SignJWT(claims())
        .setProtectedHeader({ alg: 'EdDSA', kid })
        .sign(stage0.key.keyObject());
      await assertUseless(await token);
    }
  });

  it('whose claims were changed after signing', async () => {
    const [header, , signature] = (await signed()).split('.');
    const claimed = Buffer.from(JSON.stringify(claims({ tenant: 'globex' }))).toString('base64url');
    await assertUseless(`${header}.${claimed}.${signature}`);
  });

  it('with algorithm none, however it is spelt', async () => {
    await assertUseless(new UnsecuredJWT(claims()).encode());
    const kid = keyIdOf(tokenKeyOf(stage0.key).publicKeyHex);
    const body = Buffer.from(JSON.stringify(claims())).toString('base64url');
    for (const alg of ['none', 'None', 'NONE', '', null]) {
      const header = Buffer.from(JSON.stringify({ alg, kid })).toString('base64url');
      await assertUseless(`${header}.${body}.`);
    }
  });

  it('with HS256 and the public key, in any form, as the secret', async () => {
    const key = tokenKeyOf(stage0.key);
    const publicKey = createPublicKey(key.keyObject());
    const secrets = [
      Buffer.from(key.publicKeyHex, 'hex'),
      Buffer.from(key.publicKeyHex),
      Buffer.from(await exportSPKI(publicKey)),
      publicKey.export({ type: 'spki', format: 'der' }),
      Buffer.from(stage0.key.publicKeyHex, 'hex'),
    ];
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const secret of secrets) {
      const text = `${encode({ alg: 'HS256', kid: keyIdOf(key.publicKeyHex) })}.${encode(claims())}`;
      await assertUseless(`${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`);
    }
  });

  it('that has expired, or is not valid yet, or never expires', async () => {
    const now = Math.floor(Date.now() / 1000);
    await assertUseless(await signed({ exp: now - 1 }));
    await assertUseless(await signed({ nbf: now + 600 }));
    await assertUseless(await signed({ exp: undefined }));
  });

  it('without user, tenant, scope or jti, or with an invalid one', async () => {
    for (const claim of ['sub', 'tenant', 'scope', 'jti']) {
      for (const value of [undefined, '', null, 7, { a: 1 }])
        await assertUseless(await signed({ [claim]: value }));
    }
    for (const name of ['a\u0000b', 'a\nb', 'x'.repeat(256)]) {
      await assertUseless(await signed({ sub: name }));
      await assertUseless(await signed({ tenant: name }));
    }
  });

  it('of the wrong scope is known but may not: 403', async () => {
    const only = (scope: Scope) => stage0.token('alice', 'acme', [scope]);
    for (const scope of SCOPES.filter((scope) => scope !== 'spans:write')) {
      assertProblem(await stage0.call('/api/spans', { token: await only(scope), body: good }), 403);
    }
    for (const scope of SCOPES.filter((scope) => scope !== 'timeline:read')) {
      const token = await only(scope);
      assertProblem(await stage0.call('/api/timeline', { token }), 403);
      assertProblem(await stage0.call(`/api/spans/${randomUUID()}`, { token }), 403);
      assertProblem(await stage0.call('/api/manifest/x', { token }), 403);
    }
    for (const scope of SCOPES.filter((scope) => scope !== 'execute')) {
      assertProblem(
        await stage0.call(`/api/execute/${FUNCTION}`, { token: await only(scope), body: {} }),
        403,
      );
    }
  });

  it('identity comes from the token alone, never from a header, the query or the body', async () => {
    const token = await signed();
    const headers = {
      'x-user-id': 'bob',
      'x-tenant-id': 'globex',
      'x-app-tenant-id': 'globex',
      cookie: 'tenant=globex',
    };
    const answer = await stage0.call('/api/spans', { token, body: good, headers });
    assert.equal(answer.body.span.owner_id, 'alice');
    assert.equal(answer.body.span.tenant_id, 'acme');
    assertProblem(await stage0.call('/api/timeline?user=bob', { token }), 400, ['/user']);
    assertProblem(await stage0.call('/api/timeline?tenant=globex', { token }), 400, ['/tenant']);
    assertProblem(
      await stage0.call('/api/spans?tenant_id=globex', { token, body: { ...good, tenant_id: 'globex' } }),
      403,
    );
  });

  describe('that is revoked', () => {
    const revoke = (jti: string, by: string) =>
      stage0.call('/api/spans', {
        token: by,
        body: { entity_type: 'token_revocation', who: 'alice', this: jti },
      });

    it('is refused at once, also when it revoked itself, and whichever user of the tenant revoked it', async () => {
      const jti = randomUUID();
      const token = await signed({ jti });
      assert.equal((await stage0.call('/api/timeline', { token })).status, 200);
      assert.equal((await revoke(jti, token)).status, 201);
      await assertUseless(token);

      const other = randomUUID();
      const bobs = await signed({ jti: other, sub: 'bob' });
      assert.equal((await stage0.call('/api/timeline', { token: bobs })).status, 200);
      assert.equal((await revoke(other, await signed())).status, 201);
      await assertUseless(bobs);
    });

    it('is named by 1 to 255 characters without outer blanks, else the revocation is refused', async () => {
      const token = await signed();
      for (const jti of ['', ' ', ' jti', 'jti ', 'jti\n', 'j'.repeat(256)])
        assertProblem(await revoke(jti, token), 400, ['/this']);
      for (const jti of ['j', 'j'.repeat(255), 'a b']) assert.equal((await revoke(jti, token)).status, 201);
    });

    it('stays valid when only another tenant revokes it', async () => {
      const jti = randomUUID();
      const token = await signed({ jti });
      assert.equal((await revoke(jti, await signed({ tenant: 'globex' }))).status, 201);
      assert.equal((await stage0.call('/api/timeline', { token })).status, 200);
    });

    it('does not take others of the same user with it', async () => {
      const jti = randomUUID();
      const kept = await signed();
      assert.equal((await revoke(jti, kept)).status, 201);
      assert.equal((await stage0.call('/api/timeline', { token: kept })).status, 200);
    });
  });
});

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose';
import { type Caller, keyIdOf, mintToken, TokenVerifier, tokenKeyOf } from '../../../runtime/auth';
import { UnauthorizedError } from '../../../runtime/base/errors';
import { generateSigningKey, type SigningKey, toU8 } from '../../../runtime/crypto';

const key = generateSigningKey();
const tokenKey = tokenKeyOf(key);
const verifier = new TokenVerifier({ trustedKeys: [key] });
const good = { sub: 'alice', tenant: 'acme', scope: 'spans:write timeline:read', ttlSeconds: 60 } as const;

/** A token with exactly these claims and this header, signed by the right key unless another is given. */
function handmade(
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
  signer: SigningKey = tokenKey,
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'EdDSA', kid: keyIdOf(tokenKey.publicKeyHex), ...header })
    .sign(signer.keyObject());
}

function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

function completeClaims(): Record<string, unknown> {
  return { sub: 'alice', tenant: 'acme', scope: 'execute', exp: inSeconds(60), jti: randomUUID() };
}

async function assertRefused(token: string, detail: RegExp, by: TokenVerifier = verifier): Promise<void> {
  await assert.rejects(by.verify(token), (error: unknown) => {
    assert.ok(error instanceof UnauthorizedError, String(error));
    assert.equal(error.status, 401);
    assert.match(error.message, detail);
    return true;
  });
}

describe('a minted token', () => {
  it('must name its user, tenant, scopes, id and end to the verifier', async () => {
    const token = await mintToken(key, { ...good, jti: 'token-1' });
    const caller = await verifier.verify(token);
    assert.equal(caller.user, 'alice');
    assert.equal(caller.tenant, 'acme');
    assert.deepEqual([...caller.scopes], ['spans:write', 'timeline:read']);
    assert.equal(caller.tokenId, 'token-1');
    assert.equal(caller.expiresAt.getTime(), Number(decodeJwt(token).exp) * 1000);
  });

  it('must be EdDSA by the derived key, not by the instance key', async () => {
    const token = await mintToken(key, good);
    assert.equal(decodeProtectedHeader(token).alg, 'EdDSA');
    assert.equal(decodeProtectedHeader(token).kid, keyIdOf(tokenKey.publicKeyHex));
    await assertRefused(await handmade(completeClaims(), {}, key), /does not verify/);
  });

  it('must have an id of its own', async () => {
    const ids = await Promise.all([mintToken(key, good), mintToken(key, good)]);
    assert.notEqual(decodeJwt(ids[0]).jti, decodeJwt(ids[1]).jti);
  });

  for (const [what, claims] of Object.entries({
    'no user': { ...good, sub: '' },
    'a user with U+0000': { ...good, sub: 'a\u0000b' },
    'no tenant': { ...good, tenant: '' },
    'no scope': { ...good, scope: '' },
    'a scope that does not exist': { ...good, scope: 'spans:write root' },
    'no lifetime': { ...good, ttlSeconds: 0 },
    'a fractional lifetime': { ...good, ttlSeconds: 1.5 },
    'an overlong tenant': { ...good, tenant: 'x'.repeat(256) },
  })) {
    it(`must not be minted with ${what}`, async () => {
      await assert.rejects(mintToken(key, claims), TypeError);
    });
  }
});

describe('the token verifier', () => {
  it('must refuse anything but a JWT', async () => {
    for (const text of ['', 'x', 'a.b.c', '..', `${'a'.repeat(9000)}.b.c`])
      await assertRefused(text, /not a JWT/);
  });

  it('must refuse a token longer than 8 KiB before it looks into it', async () => {
    await assertRefused(await handmade({ ...completeClaims(), padding: 'x'.repeat(8192) }), /not a JWT/);
  });

  it('must refuse a token whose content was changed', async () => {
    const [head, , signature] = (await mintToken(key, good)).split('.');
    const claims = Buffer.from(JSON.stringify({ ...completeClaims(), tenant: 'victim' })).toString(
      'base64url',
    );
    await assertRefused(`${head}.${claims}.${signature}`, /does not verify/);
  });

  it('must refuse a changed signature even after the true token was seen', async () => {
    const token = await mintToken(key, good);
    await verifier.verify(token);
    const swapped = token.at(-5) === 'A' ? 'B' : 'A';
    await assertRefused(token.slice(0, -5) + swapped + token.slice(-4), /does not verify/);
  });

  it('must refuse a token forged with another key under the trusted kid', async () => {
    await assertRefused(await handmade(completeClaims(), {}, generateSigningKey()), /does not verify/);
  });

  it('must refuse alg none', async () => {
    const unsecured = new UnsecuredJWT(completeClaims()).encode();
    await assertRefused(unsecured, /names no key/);
    const header = { alg: 'none', kid: keyIdOf(tokenKey.publicKeyHex) };
    const forged = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${unsecured.split('.')[1]}.`;
    await assertRefused(forged, /algorithm|does not verify/);
  });

  it('must refuse HS256 with the public key as the secret', async () => {
    for (const publicKeyHex of [tokenKey.publicKeyHex, key.publicKeyHex]) {
      for (const secret of [toU8(publicKeyHex), Buffer.from(publicKeyHex)]) {
        const forged = await new SignJWT(completeClaims())
          .setProtectedHeader({ alg: 'HS256', kid: keyIdOf(tokenKey.publicKeyHex) })
          .sign(secret);
        await assertRefused(forged, /algorithm/);
      }
    }
  });

  it('must refuse a key that the token brings along', async () => {
    const own = generateSigningKey();
    const jwk = own.keyObject().export({ format: 'jwk' });
    const header = { jwk: { kty: jwk.kty, crv: jwk.crv, x: jwk.x } };
    await assertRefused(await handmade(completeClaims(), header, own), /does not verify/);
  });

  it('must refuse a token of another instance, and one that names no key', async () => {
    await assertRefused(await mintToken(generateSigningKey(), good), /names no key/);
    await assertRefused(await handmade(completeClaims(), { kid: undefined }), /names no key/);
  });

  it('must refuse an expired token, at the second it expires', async () => {
    await assertRefused(await handmade({ ...completeClaims(), exp: inSeconds(-1) }), /expired/);
    const token = await handmade({ ...completeClaims(), exp: 2_000_000_000 });
    const at = (seconds: number) =>
      new TokenVerifier({ trustedKeys: [key], now: () => new Date(seconds * 1000) });
    await assert.doesNotReject(at(1_999_999_999).verify(token));
    await assertRefused(token, /expired/, at(2_000_000_000));
  });

  it('must notice that a token it remembers has expired meanwhile', async () => {
    let nowSeconds = 1_999_999_990;
    const aging = new TokenVerifier({ trustedKeys: [key], now: () => new Date(nowSeconds * 1000) });
    const token = await handmade({ ...completeClaims(), exp: 2_000_000_000 });
    await aging.verify(token);
    nowSeconds = 2_000_000_000;
    await assertRefused(token, /expired/, aging);
  });

  it('must check a remembered token again once the clock was set back', async () => {
    let nowSeconds = 2_000_000_000;
    const aging = new TokenVerifier({ trustedKeys: [key], now: () => new Date(nowSeconds * 1000) });
    const token = await handmade({ ...completeClaims(), nbf: 2_000_000_000, exp: 2_000_000_060 });
    await aging.verify(token);
    nowSeconds = 1_999_999_990;
    await assertRefused(token, /nbf/, aging);
  });

  it('must refuse a token that is not valid yet', async () => {
    await assertRefused(await handmade({ ...completeClaims(), nbf: inSeconds(60) }), /nbf/);
  });

  for (const claim of ['sub', 'tenant', 'scope', 'exp', 'jti']) {
    it(`must refuse a token without ${claim}, or with an empty or mistyped one`, async () => {
      const { [claim]: _, ...without } = completeClaims();
      await assertRefused(await handmade(without), new RegExp(claim));
      for (const value of ['', null, {}, []]) {
        await assertRefused(await handmade({ ...completeClaims(), [claim]: value }), new RegExp(claim));
      }
    });
  }

  it('must refuse names that PostgreSQL cannot hold', async () => {
    await assertRefused(await handmade({ ...completeClaims(), sub: 'a\u0000' }), /sub/);
    await assertRefused(await handmade({ ...completeClaims(), sub: '\ud800' }), /sub/);
    await assertRefused(await handmade({ ...completeClaims(), tenant: 'x'.repeat(256) }), /tenant/);
  });

  it('must ignore scopes it does not know', async () => {
    const caller = await verifier.verify(
      await handmade({ ...completeClaims(), scope: 'openid execute root' }),
    );
    assert.deepEqual([...caller.scopes], ['execute']);
  });

  it('must ask each time whether the token was revoked, and refuse it from then on', async () => {
    const revoked = new Set<string>();
    const asked: Caller[] = [];
    const strict = new TokenVerifier({
      trustedKeys: [key],
      isRevoked: async (caller) => {
        asked.push(caller);
        return revoked.has(caller.tokenId ?? '');
      },
    });
    const token = await mintToken(key, { ...good, jti: 'lost-laptop' });
    await strict.verify(token);
    await strict.verify(token);
    assert.deepEqual(
      asked.map(({ tokenId, tenant }) => [tokenId, tenant]),
      [
        ['lost-laptop', 'acme'],
        ['lost-laptop', 'acme'],
      ],
    );
    revoked.add('lost-laptop');
    await assertRefused(token, /revoked/, strict);
  });

  it('must pass on that revocations cannot be read, rather than let the token in', async () => {
    const broken = new TokenVerifier({
      trustedKeys: [key],
      isRevoked: async () => Promise.reject(new Error('database gone')),
    });
    await assert.rejects(broken.verify(await mintToken(key, good)), /database gone/);
  });

  it('must accept the tokens of every trusted instance key, also of one known by its public key only', async () => {
    const older = generateSigningKey();
    const oldest = generateSigningKey();
    const rotated = new TokenVerifier({ trustedKeys: [key, older, tokenKeyOf(oldest).publicKeyHex] });
    for (const signer of [key, older, oldest]) {
      assert.equal((await rotated.verify(await mintToken(signer, good))).user, 'alice');
    }
    await assertRefused(await mintToken(generateSigningKey(), good), /names no key/, rotated);
  });

  it('must not start without a key, or with one that is none', () => {
    assert.throws(() => new TokenVerifier({ trustedKeys: [] }), TypeError);
    assert.throws(() => new TokenVerifier({ trustedKeys: ['abc'] }), TypeError);
  });
});

import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, type KeyPairKeyObjectResult, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { mintToken, type OidcIssuer, TokenVerifier } from '../../../runtime/auth';
import { UnauthorizedError, UnavailableError } from '../../../runtime/base/errors';
import { generateSigningKey } from '../../../runtime/crypto';
import { FAR_AHEAD_MS, withClockAhead } from '../../support/clock';

/** An identity provider over real HTTP: discovery and one RSA key. */
class TestIssuer {
  readonly #server: Server;
  #keys: KeyPairKeyObjectResult = generateKeyPairSync('rsa', { modulusLength: 2048 });
  #keyId = 'rsa-1';
  discoveries = 0;
  broken = false;

  constructor() {
    this.#server = createServer((request, response) => {
      // A failing issuer may send a valid-looking body.
      if (this.broken) response.statusCode = 500;
      response.setHeader('content-type', 'application/json');
      if (request.url === '/.well-known/openid-configuration') {
        this.discoveries += 1;
        response.end(JSON.stringify({ issuer: this.url, jwks_uri: `${this.url}/keys` }));
      } else {
        const jwk = this.#keys.publicKey.export({ format: 'jwk' });
        response.end(JSON.stringify({ keys: [{ ...jwk, kid: this.#keyId, use: 'sig' }] }));
      }
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Signs with a new key, under another name. */
  rotate(): void {
    this.#keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.#keyId = 'rsa-2';
  }

  useEd25519(): void {
    this.#keys = generateKeyPairSync('ed25519');
  }

  token(
    claims: Record<string, unknown>,
    alg = 'RS256',
    signer: KeyObject = this.#keys.privateKey,
  ): Promise<string> {
    return new SignJWT({
      iss: this.url,
      aud: 'logline',
      sub: 'bob',
      'urn:tenant': 'acme',
      scp: ['openid', 'timeline:read'],
      jti: randomUUID(),
      exp: Math.floor(Date.now() / 1000) + 60,
      ...claims,
    })
      .setProtectedHeader({ alg, kid: this.#keyId })
      .sign(signer);
  }
}

describe('an OIDC issuer', () => {
  const key = generateSigningKey();
  let issuer: TestIssuer;

  beforeEach(async () => {
    issuer = new TestIssuer();
    await issuer.start();
  });

  afterEach(() => issuer.stop());

  function verifierWith(options: Partial<OidcIssuer> = {}): TokenVerifier {
    return new TokenVerifier({
      trustedKeys: [key],
      oidc: {
        issuer: issuer.url,
        audience: 'logline',
        tenantClaim: 'urn:tenant',
        scopeClaim: 'scp',
        ...options,
      },
    });
  }

  it('must be found by discovery and have its claims read under the configured names', async () => {
    const caller = await verifierWith().verify(await issuer.token({}));
    assert.equal(caller.user, 'bob');
    assert.equal(caller.tenant, 'acme');
    assert.deepEqual([...caller.scopes], ['timeline:read']);
  });

  it('must be usable with the address of its keys alone', async () => {
    await verifierWith({ jwksUrl: `${issuer.url}/keys` }).verify(await issuer.token({}));
    assert.equal(issuer.discoveries, 0);
  });

  it('never speaks for the operator’s tenant unless the configuration names it', async () => {
    const token = await issuer.token({ 'urn:tenant': 'system' });
    await assert.rejects(verifierWith().verify(token), UnauthorizedError);
    const caller = await verifierWith({ operatorTenant: 'system' }).verify(token);
    assert.deepEqual([caller.tenant, caller.isMintedHere], ['system', false]);
  });

  it('may leave out jti, under whatever name it is configured: such a token cannot be revoked by id', async () => {
    const unnamed = await verifierWith().verify(await issuer.token({ jti: undefined }));
    assert.equal(unnamed.tokenId, undefined);
    const token = await issuer.token({ jti: undefined, uti: 'entra-1' });
    assert.equal((await verifierWith({ tokenIdClaim: 'uti' }).verify(token)).tokenId, 'entra-1');
  });

  it('has 30 s of leeway on exp, nbf and iat, and no more', async () => {
    const verifier = verifierWith();
    const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;
    for (const claims of [{ exp: inSeconds(-20) }, { nbf: inSeconds(20) }, { iat: inSeconds(20) }])
      assert.equal((await verifier.verify(await issuer.token(claims))).user, 'bob', JSON.stringify(claims));
    for (const [claims, message] of [
      [{ exp: inSeconds(-40) }, /exp claim lies in the past/],
      [{ nbf: inSeconds(90) }, /not yet valid: its nbf claim/],
      [{ iat: inSeconds(90) }, /not yet valid: its iat claim/],
    ] as const)
      await assert.rejects(verifier.verify(await issuer.token(claims)), message);
  });

  it('has its new keys noticed once the clock was set back', async () => {
    const verifier = verifierWith();
    const expires = { exp: Math.floor((Date.now() + 2 * FAR_AHEAD_MS) / 1_000) };
    await withClockAhead(FAR_AHEAD_MS, async () => verifier.verify(await issuer.token(expires)));
    issuer.rotate();
    assert.equal((await verifier.verify(await issuer.token(expires))).user, 'bob');
  });

  it('has each missing claim named', async () => {
    for (const claim of ['exp', 'sub', 'urn:tenant', 'scp', 'aud', 'iss']) {
      const token = await issuer.token({ [claim]: undefined });
      await assert.rejects(verifierWith().verify(token), new RegExp(`the token's ${claim} claim is missing`));
    }
  });

  it('may sign with Ed25519 under its own name (RFC 9864) or as EdDSA', async () => {
    for (const alg of ['Ed25519', 'EdDSA']) {
      issuer.useEd25519();
      assert.equal((await verifierWith().verify(await issuer.token({}, alg))).user, 'bob', alg);
    }
  });

  it('must not keep the tokens of the instance from being accepted', async () => {
    const claims = { sub: 'alice', tenant: 'acme', scope: 'admin', ttlSeconds: 60 };
    const caller = await verifierWith().verify(await mintToken(key, claims));
    assert.deepEqual([caller.user, caller.isMintedHere], ['alice', true]);
    assert.equal(issuer.discoveries, 0);
  });

  it('must have its audience, name, end and claims checked', async () => {
    const verifier = verifierWith();
    const wrong: Record<string, unknown>[] = [
      { aud: 'another service' },
      { aud: undefined },
      { iss: 'https://elsewhere.example' },
      { exp: 1 },
      { exp: undefined },
      { jti: '' },
      { jti: 7 },
      { 'urn:tenant': undefined },
      { 'urn:tenant': ['acme'] },
      { sub: 7 },
      { scp: [] },
    ];
    for (const claims of wrong) {
      await assert.rejects(
        verifier.verify(await issuer.token(claims)),
        UnauthorizedError,
        JSON.stringify(claims),
      );
    }
  });

  it('must not have its tokens signed by anyone else, nor with a shared secret', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    await assert.rejects(verifierWith().verify(await issuer.token({}, 'RS256', other)), UnauthorizedError);
    const secret = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256', kid: 'rsa-1' })
      .sign(Buffer.alloc(32));
    await assert.rejects(verifierWith().verify(secret), UnauthorizedError);
  });

  it('must be reported as unavailable while it is, and be tried again', async () => {
    const verifier = verifierWith();
    const token = await issuer.token({});
    issuer.broken = true;
    await assert.rejects(verifier.verify(token), UnavailableError);
    issuer.broken = false;
    assert.equal((await verifier.verify(token)).user, 'bob');
  });

  it('must be reported as unavailable when only its keys are', async () => {
    const verifier = verifierWith({ jwksUrl: `${issuer.url}/keys` });
    issuer.broken = true;
    await assert.rejects(verifier.verify(await issuer.token({})), UnavailableError);
  });

  it('must describe itself under its own name', async () => {
    const verifier = verifierWith({ issuer: `${issuer.url}/` });
    await assert.rejects(verifier.verify(await issuer.token({})), UnavailableError);
  });
});

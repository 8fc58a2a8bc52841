import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { mintToken, type OidcIssuer, TokenVerifier } from '../../../runtime/auth';
import { UnauthorizedError, UnavailableError } from '../../../runtime/base/errors';
import { generateSigningKey } from '../../../runtime/crypto';

/** An identity provider over real HTTP: discovery and one RSA key. */
class TestIssuer {
  readonly #server: Server;
  readonly #keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  discoveries = 0;
  broken = false;

  constructor() {
    this.#server = createServer((request, response) => {
      // A failing issuer may well send a body that reads like an answer.
      if (this.broken) response.statusCode = 500;
      response.setHeader('content-type', 'application/json');
      if (request.url === '/.well-known/openid-configuration') {
        this.discoveries += 1;
        response.end(JSON.stringify({ issuer: this.url, jwks_uri: `${this.url}/keys` }));
      } else {
        const jwk = this.#keys.publicKey.export({ format: 'jwk' });
        response.end(JSON.stringify({ keys: [{ ...jwk, kid: 'rsa-1', use: 'sig' }] }));
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
      .setProtectedHeader({ alg, kid: 'rsa-1' })
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
      { jti: undefined },
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

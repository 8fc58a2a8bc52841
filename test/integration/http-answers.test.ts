import assert from 'node:assert/strict';
import { gunzipSync, gzipSync } from 'node:zlib';
import { assertProblem } from '../support/problem';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

const good = { entity_type: 'note', who: 'alice', this: 'hello' };
const ORIGIN = 'https://app.example.com';

describe('every answer', () => {
  let stage0: TestStage0;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0({ corsOrigins: [ORIGIN] });
    token = await stage0.token('alice', 'acme');
  });
  after(() => stage0.close());

  const answers: readonly [string, string, string, number][] = [
    ['a success', 'GET', '/api/timeline', 200],
    ['health', 'GET', '/api/health', 200],
    ['the description', 'GET', '/openapi.json', 200],
    ['a problem', 'GET', '/api/timeline?limit=x', 400],
    ['a route that is none', 'GET', '/nothing', 404],
    ['a method that is none', 'DELETE', '/api/spans', 405],
    ['a question for methods', 'OPTIONS', '/api/timeline', 204],
  ];
  for (const [what, method, path, status] of answers) {
    it(`${what} has a request id, nosniff and headers that let nothing be loaded or framed`, async () => {
      const { headers, ...answer } = await stage0.call(path, { method });
      assert.equal(answer.status, status);
      assert.match(headers.get('x-request-id') ?? '', /^[\w-]{1,64}$/);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.equal(headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'");
      assert.equal(headers.get('referrer-policy'), 'no-referrer');
      assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin');
      assert.match(headers.get('vary') ?? '', /^Authorization, Accept-Encoding/);
    });
  }

  it('to a request with an id of its own has that id', async () => {
    const { headers } = await stage0.call('/nothing', { headers: { 'x-request-id': 'mine-1' } });
    assert.equal(headers.get('x-request-id'), 'mine-1');
  });

  it('to another method or to OPTIONS lists what the route takes, HEAD with GET', async () => {
    for (const method of ['OPTIONS', 'PUT']) {
      const timeline = await stage0.call('/api/timeline', { method });
      assert.equal(timeline.headers.get('allow'), 'GET, HEAD, OPTIONS');
      const spans = await stage0.call('/api/spans', { method });
      assert.equal(spans.headers.get('allow'), 'POST, OPTIONS');
    }
    const { status, body } = await stage0.call('/api/timeline', { method: 'HEAD' });
    assert.deepEqual([status, body], [200, undefined]);
  });

  it('to a page of an allowed origin may be read with its headers, and a preflight says which may be sent', async () => {
    const origin = { origin: ORIGIN };
    const { headers } = await stage0.call('/api/timeline', { headers: origin });
    assert.equal(headers.get('access-control-allow-origin'), ORIGIN);
    const exposed = (headers.get('access-control-expose-headers') ?? '').split(', ');
    for (const name of [
      'x-logline-position',
      'preference-applied',
      'retry-after',
      'ratelimit',
      'x-request-id',
    ])
      assert.ok(exposed.includes(name), name);
    assert.match(headers.get('vary') ?? '', /Origin/);
    const preflight = await stage0.call('/api/spans', {
      method: 'OPTIONS',
      headers: { ...origin, 'access-control-request-method': 'POST' },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-methods'), 'POST, OPTIONS');
    const allowed = (preflight.headers.get('access-control-allow-headers') ?? '').split(', ');
    for (const name of ['authorization', 'idempotency-key', 'prefer', 'traceparent', 'x-logline-at-least'])
      assert.ok(allowed.includes(name), name);
    const stranger = await stage0.call('/api/timeline', { headers: { origin: 'https://evil.example' } });
    assert.equal(stranger.headers.get('access-control-allow-origin'), null);
  });

  it('401 distinguishes a refused token from a missing one', async () => {
    const refused = await stage0.call('/api/timeline', { token: 'nonsense' });
    assert.equal(refused.headers.get('www-authenticate'), 'Bearer error="invalid_token"');
    const missing = await stage0.call('/api/spans', { body: good });
    assert.equal(missing.headers.get('www-authenticate'), 'Bearer');
  });

  it('is given for more than one space behind Bearer', async () => {
    const { status } = await stage0.call('/api/me', { headers: { authorization: `Bearer    ${token}` } });
    assert.equal(status, 200);
  });

  it('of answers that are the same for all callers does not depend on a token', async () => {
    for (const path of ['/api/health', '/openapi.json', '/api/keys'])
      assert.equal((await stage0.call(path, { token: 'nonsense' })).status, 200, path);
  });

  describe('larger than 1 KB', () => {
    const textOf = async (acceptEncoding?: string) => {
      const headers = acceptEncoding === undefined ? {} : { 'accept-encoding': acceptEncoding };
      const response = await stage0.fetch(new Request('http://localhost/openapi.json', { headers }));
      return {
        coding: response.headers.get('content-encoding'),
        bytes: Buffer.from(await response.arrayBuffer()),
      };
    };

    it('is gzipped only for clients that accept it', async () => {
      const plain = await textOf();
      assert.equal(plain.coding, null);
      for (const accept of ['gzip', 'gzip, deflate, br', 'GZIP;q=0.5', '*', 'br;q=1.0, *;q=0.1']) {
        const { coding, bytes } = await textOf(accept);
        assert.equal(coding, 'gzip', accept);
        assert.deepEqual(gunzipSync(bytes), plain.bytes);
      }
      for (const accept of ['identity', 'br', 'gzip;q=0', '*;q=0', 'gzip;q=0, *'])
        assert.equal((await textOf(accept)).coding, null, accept);
    });

    it('and smaller ones are left as they are', async () => {
      const { headers } = await stage0.call('/api/health', { headers: { 'accept-encoding': 'gzip' } });
      assert.equal(headers.get('content-encoding'), null);
    });
  });
});

describe('a request', () => {
  let stage0: TestStage0;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
  });
  after(() => stage0.close());

  const send = (raw: Uint8Array<ArrayBuffer> | string, coding: string) =>
    stage0.call('/api/spans', { token, raw, headers: { 'content-encoding': coding } });
  const text = JSON.stringify(good);

  it('may come gzipped, or as it is', async () => {
    for (const coding of ['gzip', 'x-gzip', 'GZIP'])
      assert.equal((await send(gzipSync(text), coding)).status, 201, coding);
    assert.equal((await send(text, 'identity')).status, 201);
  });

  it('in any other coding is 415, and the answer says which one is taken', async () => {
    for (const coding of ['br', 'deflate', 'zstd', 'gzip, gzip']) {
      const answer = await send(gzipSync(text), coding);
      assertProblem(answer, 415);
      assert.equal(answer.headers.get('accept-encoding'), 'gzip');
    }
  });

  it('that does not match its coding is 400', async () => {
    const whole = gzipSync(text);
    for (const raw of [text, whole.subarray(0, 20), gzipSync(text).fill(0, 12)])
      assertProblem(await send(raw, 'gzip'), 400);
  });

  it('of few bytes that unpack to many ends early', async () => {
    const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024));
    assert.ok(bomb.length < 300_000);
    const before = process.memoryUsage.rss();
    assertProblem(await send(bomb, 'gzip'), 413);
    assert.ok(process.memoryUsage.rss() - before < 100 * 1024 * 1024);
  });

  it('says to /api/me who is calling', async () => {
    const { status, body } = await stage0.call('/api/me', {
      token: await stage0.token('bob', 'acme', ['execute']),
    });
    assert.equal(status, 200);
    const { expires_at, ...rest } = body;
    assert.deepEqual(rest, { user: 'bob', tenant: 'acme', scopes: ['execute'] });
    assert.ok(Date.parse(expires_at) > Date.now());
    assertProblem(await stage0.call('/api/me'), 401);
  });

  it('for /api/keys needs no token', async () => {
    const { status, body } = await stage0.call('/api/keys');
    assert.equal(status, 200);
    const { publicKeyHex } = stage0.key;
    assert.deepEqual(body, {
      origin: `logline-${publicKeyHex.slice(0, 16)}`,
      keys: [{ public_key: publicKeyHex, since: null, until: null, revoked: false, purpose: 'span' }],
    });
  });
});

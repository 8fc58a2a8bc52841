import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generateSigningKey } from '../../../runtime/crypto';
import { RotatingKeys } from '../../../runtime/lambda/rotating-keys';
import { SecretReader } from '../../../runtime/lambda/secret-reader';
import { silentLogger } from '../../../runtime/log/logger';
import { FAR_AHEAD_MS, withClockAhead } from '../../support/clock';

const ENVIRONMENT = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
};

describe('instance keys in Secrets Manager', () => {
  const before = { ...process.env };
  const [one, two, three] = [generateSigningKey(), generateSigningKey(), generateSigningKey()];
  const seeds = [one, two, three].map((key) => key.secretKeyHex());
  let server: Server;
  /** The service's answer; undefined for an outage. */
  let secret: Record<string, string> | undefined;
  let reads = 0;

  // The SDK's client, with a service that speaks its protocol.
  beforeEach(async () => {
    reads = 0;
    server = createServer((_request, response) => {
      reads += 1;
      response.setHeader('content-type', 'application/x-amz-json-1.1');
      if (secret === undefined) {
        response.statusCode = 400;
        response.end(JSON.stringify({ __type: 'AccessDeniedException', message: 'no' }));
        return;
      }
      response.end(JSON.stringify({ ARN: 'arn', Name: 'key', SecretString: JSON.stringify(secret) }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    Object.assign(process.env, ENVIRONMENT, { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` });
  });

  afterEach(async () => {
    for (const name of [...Object.keys(ENVIRONMENT), 'AWS_ENDPOINT_URL']) {
      const value = before[name];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function open(): Promise<RotatingKeys> {
    return RotatingKeys.open(new SecretReader(), 'arn');
  }

  it('are the seed that signs, the next one, earlier ones and revoked ones', async () => {
    const [first = '', second = '', third = ''] = seeds;
    secret = {
      seed_hex: second,
      next_seed_hex: third,
      previous_seeds_hex: first,
      revoked_keys: `${one.publicKeyHex}@2026-01-31T12:00:00Z`,
    };
    const ring = (await open()).ring();
    assert.equal(ring.current.publicKeyHex, two.publicKeyHex);
    assert.equal(ring.next?.publicKeyHex, three.publicKeyHex);
    assert.deepEqual(ring.trusted, new Set([two.publicKeyHex, three.publicKeyHex]));
    assert.deepEqual(ring.revoked, [{ publicKeyHex: one.publicKeyHex, from: '2026-01-31T12:00:00.000Z' }]);
  });

  it('follow a rotation, and stay the same object when nothing changed', async () => {
    const [first = '', second = ''] = seeds;
    secret = { seed_hex: first };
    const keys = await open();
    const ring = keys.ring();
    await keys.refresh(silentLogger(), 0);
    assert.equal(keys.ring(), ring);
    secret = { seed_hex: second, previous_seeds_hex: first };
    await keys.refresh(silentLogger(), 0);
    assert.equal(keys.ring().current.publicKeyHex, two.publicKeyHex);
    assert.ok(keys.ring().trusted.has(one.publicKeyHex));
  });

  it('are not read again before they are old', async () => {
    secret = { seed_hex: seeds[0] ?? '' };
    const keys = await open();
    await keys.refresh(silentLogger());
    assert.equal(reads, 1);
  });

  it('are read again once the clock was set back', async () => {
    secret = { seed_hex: seeds[0] ?? '' };
    const keys = await withClockAhead(FAR_AHEAD_MS, open);
    await keys.refresh(silentLogger());
    assert.equal(reads, 2);
  });

  it('stay in use when the service refuses', async () => {
    secret = { seed_hex: seeds[0] ?? '' };
    const keys = await open();
    secret = undefined;
    await keys.refresh(silentLogger(), 0);
    assert.equal(keys.ring().current.publicKeyHex, one.publicKeyHex);
  });

  for (const [title, content] of [
    ['no seed', {}],
    ['a seed that is none', { seed_hex: 'abcdef' }],
    ['a signing key that is revoked', { seed_hex: seeds[0] ?? '', revoked_keys: one.publicKeyHex }],
  ] as const) {
    it(`are refused with ${title}, without repeating the secret`, async () => {
      secret = content;
      await assert.rejects(open(), (error) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, /^The secret arn holds /);
        assert.ok(!error.message.includes('abcdef') && !error.message.includes(seeds[0] ?? ''));
        return true;
      });
    });
  }
});

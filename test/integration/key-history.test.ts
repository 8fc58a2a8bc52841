import assert from 'node:assert/strict';
import { mintToken } from '../../runtime/auth';
import { generateSigningKey, type SigningKey } from '../../runtime/crypto';
import { Database } from '../../runtime/db/pool';
import { BootGuard } from '../../runtime/host/boot-guard';
import { publishKeys, readKeyHistory } from '../../runtime/ledger/keys/key-publisher';
import { KeyRing } from '../../runtime/ledger/keys/key-ring';
import { seed } from '../../runtime/ledger/seed';
import { SpanWriter } from '../../runtime/ledger/span-writer';
import { silentLogger } from '../../runtime/log/logger';
import { assembleStage0 } from '../../runtime/stage0/assemble-stage0';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

describe('key history', () => {
  const one = generateSigningKey();
  const two = generateSigningKey();
  const three = generateSigningKey();
  let testDatabase: TestDatabase;
  let database: Database;

  beforeEach(async () => {
    testDatabase = await createTestDatabase();
    database = new Database({ connectionString: testDatabase.appUrl, poolSize: 4 });
  });

  afterEach(async () => {
    await database.close();
    await testDatabase.drop();
  });

  function writerOf(ring: KeyRing): SpanWriter {
    return new SpanWriter({ database, signingKey: () => ring.current });
  }

  function publish(ring: KeyRing): Promise<readonly string[]> {
    return publishKeys({ database, writer: writerOf(ring), ring });
  }

  async function told(): Promise<{ keys: unknown[]; faults: readonly string[] }> {
    const { keys, faults } = await readKeyHistory(database);
    const name = (hex: string | undefined) =>
      hex === undefined
        ? null
        : ['one', 'two', 'three'][[one, two, three].findIndex((key) => key.publicKeyHex === hex)];
    return {
      keys: [...keys.values()].map((key) => [name(key.publicKeyHex), key.status, name(key.introducedBy)]),
      faults,
    };
  }

  it('begins with a key that introduces itself, once', async () => {
    const ring = new KeyRing([one]);
    assert.equal((await publish(ring)).length, 1);
    assert.deepEqual(await publish(ring), []);
    assert.deepEqual(await told(), { keys: [['one', 'active', null]], faults: [] });
  });

  it('continues through a rotation, also one that was interrupted after the announcement', async () => {
    await publish(new KeyRing([one]));
    const announced = new KeyRing([one]).withNext(two);
    await publish(announced);
    assert.deepEqual((await told()).keys, [
      ['one', 'active', null],
      ['two', 'active', 'one'],
    ]);
    await publish(announced);
    await publish(announced.promoted());
    assert.deepEqual(await told(), {
      keys: [
        ['one', 'retired', null],
        ['two', 'active', 'one'],
      ],
      faults: [],
    });
  });

  it('is made up for at once when the ledger knows nothing of several keys', async () => {
    const ring = new KeyRing([three, two, one]).withRevoked({
      publicKeyHex: one.publicKeyHex,
      reason: 'stolen',
    });
    await publish(ring);
    assert.deepEqual(await publish(ring), []);
    assert.deepEqual(await told(), {
      keys: [
        ['one', 'revoked', null],
        ['two', 'retired', 'one'],
        ['three', 'active', 'two'],
      ],
      faults: [],
    });
    assert.equal((await readKeyHistory(database)).keys.get(one.publicKeyHex)?.reason, 'stolen');
  });

  it('is written once by processes that start at the same time', async () => {
    const ring = new KeyRing([two, one]);
    await Promise.all(Array.from({ length: 4 }, () => publish(ring)));
    assert.deepEqual(await told(), {
      keys: [
        ['one', 'retired', null],
        ['two', 'active', 'one'],
      ],
      faults: [],
    });
  });

  it('boots kernels signed by retired keys, and refuses those signed by a revoked one until they are signed again', async () => {
    const first = new KeyRing([one]);
    await seed({ database, writer: writerOf(first), keys: first });
    const rotated = new KeyRing([two, one]);
    await new BootGuard(database, () => rotated).kernel('run_code');
    assert.deepEqual(await seed({ database, writer: writerOf(rotated), keys: rotated }), []);

    const revoked = rotated.withRevoked({ publicKeyHex: one.publicKeyHex });
    await assert.rejects(new BootGuard(database, () => revoked).kernel('run_code'), /does not verify/);
    const seeded = await seed({ database, writer: writerOf(revoked), keys: revoked });
    assert.ok(seeded.includes('kernel_manifest') && seeded.includes('run_code_kernel'));
    await new BootGuard(database, () => revoked).kernel('run_code');
  });

  describe('in the API', () => {
    let ring: KeyRing;
    let call: (path: string, token?: string) => Promise<Response>;

    beforeEach(() => {
      ring = new KeyRing([one]);
      const { app } = assembleStage0({
        database,
        keys: () => ring,
        logger: silentLogger(),
        functions: () => ({
          run: () => Promise.reject(new Error('this test runs no functions')),
          request: () => Promise.reject(new Error('this test runs no functions')),
        }),
      });
      call = async (path, token) =>
        app.request(`http://localhost${path}`, {
          headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        });
    });

    function token(key: SigningKey): Promise<string> {
      return mintToken(key, { sub: 'alice', tenant: 'acme', scope: 'timeline:read', ttlSeconds: 600 });
    }

    it('tokens of the previous, the current and the next key are valid; those of a revoked one are not', async () => {
      const [old, now, next] = await Promise.all([one, two, three].map(token));
      ring = new KeyRing([two, one]).withNext(three);
      for (const good of [old, now, next]) assert.equal((await call('/api/timeline', good)).status, 200);
      ring = ring.withRevoked({ publicKeyHex: one.publicKeyHex });
      assert.equal((await call('/api/timeline', old)).status, 401);
      for (const good of [now, next]) assert.equal((await call('/api/timeline', good)).status, 200);
    });

    it('a feed cursor stays valid for ever, whatever happens to the key that encrypted it', async () => {
      const feed = '/api/timeline?order=feed&limit=1';
      const { next_cursor } = (await (await call(feed, await token(one))).json()) as { next_cursor: string };
      ring = new KeyRing([three, two, one]).withRevoked({ publicKeyHex: one.publicKeyHex });
      const answer = await call(`${feed}&cursor=${encodeURIComponent(next_cursor)}`, await token(three));
      assert.equal(answer.status, 200);
    });
  });
});

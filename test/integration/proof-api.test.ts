import assert from 'node:assert/strict';
import { ed25519, hex } from '../../runtime/crypto';
import { sha256 } from '../../runtime/crypto/sha256';
import { Database } from '../../runtime/db/pool';
import { verifierKeyOf } from '../../runtime/proofs/checkpoint-keys';
import { entryBundle, leafHashOf, leafText } from '../../runtime/proofs/leaf';
import { verifyConsistency } from '../../runtime/proofs/merkle-proof';
import { Sealer } from '../../runtime/proofs/sealer';
import { checkSpanProof, openCheckpoint } from '../../runtime/proofs/span-proof';
import { createTestKernels } from '../support/test-kernels';
import { createTestLog, MemoryGuard, TEST_INSTANCE, type TestLog } from '../support/test-log';
import { requestOf } from '../support/test-stage0';

const DRAFT = { entity_type: 'note', who: 'alice', this: 'a thing' };
const JSON_ACCEPT = { accept: 'application/json' };

describe('proofs over the API', () => {
  let log: TestLog;
  before(async () => {
    log = await createTestLog();
  });
  after(() => log.close());

  const raw = async (path: string, token?: string, headers: Record<string, string> = {}): Promise<Response> =>
    log.stage0.fetch(
      new Request(
        `http://localhost${path}`,
        requestOf({ headers, ...(token === undefined ? {} : { token }) }),
      ),
    );
  const append = async (token: string, members: object = {}) =>
    (await log.stage0.call('/api/spans', { token, body: { ...DRAFT, ...members } })).body.span;
  const keysOf = (tenant: string) => [
    verifierKeyOf(log.keys.current.publicKeyHex, `${TEST_INSTANCE}/${encodeURIComponent(tenant)}`),
  ];
  const tools = { sha256, verify: ed25519.verify };

  it('prove a span to its owner, as a tlog-proof and as JSON, byte for byte the same', async () => {
    const token = await log.stage0.token('alice', 'acme');
    const span = await append(token);
    for (let count = 0; count < 5; count += 1) await append(token);
    await log.seal();
    const answer = await raw(`/api/spans/${span.id}/proof`, token);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
    const proof = await answer.text();
    const check = await checkSpanProof(span, proof, keysOf('acme'), tools);
    assert.deepEqual([check.ok, check.faults, check.index, check.checkpoint?.size], [true, [], 0, 6]);
    const json = await raw(`/api/spans/${span.id}/proof?seq=0`, token, JSON_ACCEPT);
    const { leaf, index, size, hashes, checkpoint } = (await json.json()) as Record<string, unknown>;
    assert.deepEqual([leaf, index, size], [leafText(span), 0, 6]);
    assert.equal(
      proof,
      `c2sp.org/tlog-proof@v1\nindex 0\n${(hashes as string[]).map((hash) => `${hash}\n`).join('')}\n${checkpoint}`,
    );
  });

  it('are pending until the span is sealed, and come while they are waited for', async () => {
    const token = await log.stage0.token('alice', 'acme');
    const span = await append(token);
    const early = await raw(`/api/spans/${span.id}/proof`, token);
    assert.equal(early.status, 202);
    assert.ok(Number(early.headers.get('retry-after')) > 0);
    const waited = raw(`/api/spans/${span.id}/proof`, token, { prefer: 'wait=15' });
    await log.seal();
    assert.equal((await waited).status, 200);
  });

  it('are given only to callers who may read the span in its tenant', async () => {
    const alice = await log.stage0.token('alice', 'acme');
    const bob = await log.stage0.token('bob', 'acme');
    const stranger = await log.stage0.token('eve', 'other');
    const ids: Record<string, string> = {};
    for (const visibility of ['private', 'tenant', 'public']) {
      ids[visibility] = (await append(alice, { visibility })).id;
    }
    await log.seal();
    const statuses = async (token: string | undefined): Promise<number[]> =>
      Promise.all(
        ['private', 'tenant', 'public'].map(
          async (name) => (await raw(`/api/spans/${ids[name]}/proof`, token)).status,
        ),
      );
    assert.deepEqual(await statuses(alice), [200, 200, 200]);
    assert.deepEqual(await statuses(bob), [404, 200, 200]);
    assert.deepEqual(await statuses(stranger), [404, 404, 404]);
    assert.deepEqual(await statuses(undefined), [404, 404, 404]);
  });

  it('are given to everyone for public spans of tenants that the manifest lists, and for no others', async () => {
    const kernels = await createTestKernels();
    const sealing = new Database({ connectionString: kernels.database.urls.sealer, poolSize: 1 });
    try {
      await kernels.changeManifest({ proofs: { public_tenants: ['acme'] } });
      const ids: Record<string, string> = {};
      for (const tenant of ['acme', 'globex']) {
        const token = await kernels.token('alice', tenant);
        for (const visibility of ['public', 'tenant']) {
          const { body } = await kernels.call('/api/spans', { token, body: { ...DRAFT, visibility } });
          ids[`${tenant} ${visibility}`] = body.span.id;
        }
      }
      const keys = () => log.keys;
      const sealer = new Sealer({
        database: sealing,
        keys,
        instance: TEST_INSTANCE,
        guard: new MemoryGuard(),
      });
      await sealer.sealBatch();
      const stranger = await kernels.token('eve', 'other');
      for (const token of [stranger, undefined]) {
        const statuses = Object.entries(ids).map(async ([name, id]) => {
          const { status } = await kernels.call(`/api/spans/${id}/proof`, {
            headers: JSON_ACCEPT,
            ...(token === undefined ? {} : { token }),
          });
          return [name, status];
        });
        assert.deepEqual(Object.fromEntries(await Promise.all(statuses)), {
          'acme public': 200,
          'acme tenant': 404,
          'globex public': 404,
          'globex tenant': 404,
        });
      }
    } finally {
      await sealing.close();
      await kernels.close();
    }
  });

  it('need the scope to read the timeline, and a version that there is', async () => {
    const token = await log.stage0.token('alice', 'acme');
    const span = await append(token);
    const writer = await log.stage0.token('alice', 'acme', ['spans:write']);
    assert.equal((await raw(`/api/spans/${span.id}/proof`, writer)).status, 403);
    assert.equal((await raw(`/api/spans/${span.id}/proof?seq=1`, token)).status, 404);
    assert.equal((await raw(`/api/spans/${span.id}/proof?seq=x`, token)).status, 400);
    assert.equal((await raw('/api/spans/nonsense/proof', token)).status, 400);
  });

  for (const tenant of ['acme2', 'a b', 'a+b', 'a/b', '🦀', '50 %']) {
    it(`serve checkpoint, consistency, tiles and leaves of tenant ${tenant} to the tenant alone`, async () => {
      const token = await log.stage0.token('alice', tenant);
      const spans = [await append(token), await append(token)];
      await log.seal();
      spans.push(await append(token, { visibility: 'public' }));
      await log.seal();
      const base = `/api/log/${encodeURIComponent(tenant)}`;
      const open = async (path: string) =>
        openCheckpoint(await (await raw(base + path, token)).text(), keysOf(tenant), tools);
      const early = await open('/checkpoint?size=2');
      const late = await open('/checkpoint');
      assert.deepEqual([early.size, late.size], [2, 3]);
      const consistency = await raw(`${base}/consistency?from=2&to=3`, token);
      const { hashes } = (await consistency.json()) as { hashes: string[] };
      const claim = { from: 2, fromRoot: early.root, to: 3, toRoot: late.root };
      const bytes = hashes.map((hash) => Uint8Array.from(Buffer.from(hash, 'base64')));
      assert.ok(verifyConsistency(sha256, claim, bytes));
      const tile = await raw(`${base}/tile/0/000.p/3`, token);
      assert.equal(tile.headers.get('content-type'), 'application/octet-stream');
      assert.match(tile.headers.get('cache-control') ?? '', /private.*immutable/);
      assert.match(tile.headers.get('vary') ?? '', /Authorization/i);
      const leaves = spans.map((span) => leafHashOf(sha256, span));
      assert.equal(hex(new Uint8Array(await tile.arrayBuffer())), hex(Buffer.concat(leaves)));
      const entries = await raw(`${base}/tile/entries/000.p/3`, token);
      assert.equal(hex(new Uint8Array(await entries.arrayBuffer())), hex(entryBundle(spans)));
      const reader = await log.stage0.token('bob', tenant, ['timeline:read']);
      assert.equal((await raw(`${base}/tile/entries/000.p/3`, reader)).status, 403);
      assert.equal((await raw(`${base}/tile/0/000.p/3`, reader)).status, 200);
      const stranger = await log.stage0.token('eve', 'other');
      for (const path of [
        '/checkpoint',
        '/consistency?from=1&to=2',
        '/tile/0/000.p/1',
        '/tile/entries/000.p/1',
      ]) {
        assert.equal((await raw(base + path, stranger)).status, 404, path);
        assert.equal((await raw(base + path)).status, 401, path);
      }
    });
  }

  const refused: readonly (readonly [string, number])[] = [
    ['/tile/0/000', 404],
    ['/tile/0/000.p/255', 404],
    ['/tile/1/000.p/1', 404],
    ['/tile/0/0', 400],
    ['/tile/0/000.p/256', 400],
    ['/tile/0/000.p/1?x=1', 400],
    ['/tile/64/000', 400],
    ['/tile/x/000', 400],
    ['/checkpoint?size=1000000', 404],
    ['/checkpoint?size=-1', 400],
    ['/checkpoint?size=9007199254740993', 400],
    ['/consistency?from=1', 400],
    ['/consistency?from=2&to=1', 400],
    ['/consistency?from=1&to=999999', 404],
  ];
  for (const [path, status] of refused) {
    it(`answer ${status} to ${path}`, async () => {
      const token = await log.stage0.token('alice', 'acme');
      await append(token);
      await log.seal();
      const answer = await raw(`/api/log/acme${path}`, token);
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    });
  }

  it('of nothing sealed yet are none', async () => {
    const token = await log.stage0.token('alice', 'empty');
    assert.equal((await raw('/api/log/empty/checkpoint', token)).status, 404);
  });
});

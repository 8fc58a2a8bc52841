import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createTestDatabase } from '../support/test-database';
import { createTestKernels, type TestKernels } from '../support/test-kernels';
import { startWireMeter, type WireMeter } from '../support/wire-meter';

// Round trips to PostgreSQL for each request, counted on the wire. Counts
// do not depend on the machine, unlike times; a bound that is exceeded is a regression, or is raised on purpose.

describe('turns of the database', () => {
  let meter: WireMeter;
  let kernels: TestKernels;
  let token: string;
  before(async () => {
    const database = await createTestDatabase();
    const url = new URL(database.appUrl);
    meter = await startWireMeter(Number(url.port));
    url.port = String(meter.port);
    kernels = await createTestKernels({ database: { ...database, appUrl: url.href } });
    token = await kernels.token('alice', 'acme');
  });
  after(async () => {
    await kernels.close();
    await meter.close();
  });

  const note = (more: object = {}) => ({ entity_type: 'note', who: 'alice', this: 'hello', ...more });
  const post = async (body: unknown, headers: Record<string, string> = {}) => {
    const answer = await kernels.call('/api/spans', { token, body, headers });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body;
  };
  const get = async (path: string) => {
    const answer = await kernels.call(path, { token });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body;
  };
  const appendFunction = async (): Promise<string> =>
    (await post({ ...note(), entity_type: 'function', code: 'function main() { return 1; }' })).span.id;

  /** Each request runs twice and the second run is counted, with connections, plans and caches in place. */
  const cases: readonly [what: string, turns: number, prepare: () => Promise<() => Promise<unknown>>][] = [
    ['one span', 1, async () => () => post(note())],
    ['a thousand spans', 1, async () => () => post(Array.from({ length: 1000 }, () => note()))],
    [
      'a next version whose prev_hash the server looks up',
      2,
      async () => {
        const id = (await post(note())).span.id;
        let seq = 0;
        return () => post(note({ id, seq: ++seq }));
      },
    ],
    [
      'a span with an Idempotency-Key',
      4,
      async () => () => post(note(), { 'idempotency-key': randomUUID() }),
    ],
    ['a page of the timeline', 1, async () => () => get('/api/timeline?limit=50')],
    ['a page by a filter', 1, async () => () => get('/api/timeline?entity_type=note&limit=10')],
    ['a page of the feed', 1, async () => () => get('/api/timeline?order=feed&limit=50')],
    ['the manifest', 1, async () => () => get('/api/manifest/kernel_manifest')],
    [
      'an entity and its history',
      1,
      async () => {
        const { id } = (await post(note())).span;
        return () => get(`/api/spans/${id}`);
      },
    ],
    [
      'a run of a function, and how far the ledger has got by its end',
      3,
      async () => {
        const id = await appendFunction();
        return async () => {
          const answer = await kernels.call(`/api/execute/${id}`, { token, body: {} });
          assert.equal(answer.status, 200, JSON.stringify(answer.body));
        };
      },
    ],
  ];
  for (const [what, turns, prepare] of cases) {
    it(`${what} takes at most ${turns}`, async () => {
      const once = await prepare();
      await once();
      let least = Number.POSITIVE_INFINITY;
      // Manifest and revocations are read once a second, sometimes within a request.
      for (let time = 0; time < 3; time += 1) {
        meter.take();
        await once();
        least = Math.min(least, meter.take());
      }
      assert.ok(least <= turns, `it took ${least}`);
    });
  }

  it('a hundred callers at once take few more than one', async () => {
    const hundred = () => Promise.all(Array.from({ length: 100 }, () => post(note())));
    await hundred();
    meter.take();
    await hundred();
    const taken = meter.take();
    assert.ok(taken <= 12, `they took ${taken}`);
  });

  it('a repeat, equal or not, reads no stored content', async () => {
    const large = Array.from({ length: 3 }, () => ({
      ...note({ description: 'x'.repeat(1_000_000) }),
      id: randomUUID(),
    }));
    await post(large);
    const next = large.map(({ id }) => note({ id, seq: 1 }));
    meter.takeBytes();
    const conflict = await kernels.call('/api/spans', { token, body: large.map(({ id }) => note({ id })) });
    assert.equal(conflict.status, 409);
    await post(next);
    const again = await kernels.call('/api/spans', { token, body: large });
    assert.equal(again.status, 200);
    const bytes = meter.takeBytes();
    assert.ok(bytes < 20_000, `PostgreSQL sent ${bytes} bytes`);
  });

  it('a due request takes at most 9, from its claim to its end', async () => {
    const id = await appendFunction();
    const request = () =>
      post({ ...note(), entity_type: 'request', status: 'scheduled', parent_id: id, related_to: [id] });
    const tick = async () => {
      meter.take();
      assert.equal((await kernels.tick('request_worker')).outcome, 'ok');
      return meter.take();
    };
    await request();
    await tick();
    const idle = await tick();
    for (let count = 0; count < 20; count += 1) await request();
    const busy = await tick();
    assert.ok((busy - idle) / 20 <= 9, `${busy} for twenty, ${idle} for none`);
  });
});

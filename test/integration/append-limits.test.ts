import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { QuotaExceededError } from '../../runtime/base/errors';
import { AppendLimits } from '../../runtime/ledger/append-limits';
import { SpanWriter } from '../../runtime/ledger/span-writer';
import { assertProblem } from '../support/problem';
import { createTestKernels, type TestKernels } from '../support/test-kernels';
import { until } from '../support/until';

const note = (more: object = {}) => ({
  id: randomUUID(),
  entity_type: 'note',
  who: 'alice',
  this: 'hello',
  ...more,
});

describe('limits on appends in the manifest', () => {
  let kernels: TestKernels;
  let token: string;
  let others: string;
  beforeEach(async () => {
    kernels = await createTestKernels();
    token = await kernels.token('alice', 'acme');
    others = await kernels.token('bob', 'globex');
  });
  afterEach(() => kernels.close());

  const post = (body: unknown, by = token) => kernels.call('/api/spans', { token: by, body });

  it('spans a second: a tenant above its rate gets 429 with Retry-After, other tenants and the system do not', async () => {
    await kernels.changeManifest({ throttle: { per_tenant_spans_per_second: 2 } });
    assert.equal((await post(Array.from({ length: 100 }, () => note()))).status, 201);
    const refused = await post(note());
    assertProblem(refused, 429);
    const retryAfter = Number(refused.headers.get('retry-after'));
    assert.ok(retryAfter > 30 && retryAfter <= 50, `Retry-After: ${retryAfter}`);
    assert.equal(refused.headers.get('ratelimit-policy'), '"spans appended";q=2;w=1');
    assert.equal(refused.headers.get('ratelimit'), `"spans appended";r=0;t=${retryAfter}`);
    assert.equal((await post(note(), others)).status, 201);
    const system = await kernels.token('system', 'system');
    for (let count = 0; count < 5; count += 1) assert.equal((await post(note(), system)).status, 201);
  });

  it('bytes a day: an append that failed uses none of them', async () => {
    await kernels.changeManifest({ throttle: { per_tenant_bytes_per_day: 20_000 } });
    const stored = note();
    assert.equal((await post(stored)).status, 201);
    const large = { description: 'x'.repeat(12_000) };
    for (let count = 0; count < 3; count += 1)
      assertProblem(await post({ ...stored, this: 'other', ...large }), 409);
    assert.equal((await post(note(large))).status, 201);
  });

  it('a manifest that breaks leaves the limits as they were', async () => {
    await kernels.changeManifest({ throttle: { per_tenant_spans_per_second: 0.01 } });
    const trusted = new Set([kernels.key.publicKeyHex]);
    let nowMs = Date.now();
    let reads = 0;
    const limits = new AppendLimits({
      database: kernels.pool,
      nowMs: () => nowMs,
      trusted() {
        reads += 1;
        return trusted;
      },
    });
    const alice = { user: 'alice', tenant: 'acme' };
    await limits.takeSpans(alice, 100);
    // As if somebody else had signed it. It is read again in the background.
    trusted.clear();
    nowMs += 10_000;
    await assert.rejects(limits.takeSpans(alice, 1), QuotaExceededError);
    await until('the manifest is read again', () => reads > 1);
    await assert.rejects(limits.takeSpans(alice, 1), QuotaExceededError);
  });

  it('spans a second hold for ctx.insertSpan as for the API, and the run is recorded all the same', async () => {
    await kernels.changeManifest({ throttle: { per_tenant_spans_per_second: 100 } });
    const code = `async function main(ctx) {
      const note = { entity_type: 'note', who: 'fn', this: 'x' };
      await ctx.insertSpan(Array.from({ length: 400 }, () => note));
      await ctx.insertSpan(note);
    }`;
    const { span } = (await post({ ...note(), entity_type: 'function', code })).body;
    const answer = await kernels.call(`/api/execute/${span.id}`, { token, body: {} });
    assert.equal(answer.status, 422, JSON.stringify(answer.body));
    assert.match(JSON.stringify(answer.body), /100 spans a second/);
    assert.equal(answer.body.execution.status, 'error');
  });

  it('bytes a day hold for the inputs of requested runs', async () => {
    await kernels.changeManifest({ throttle: { per_tenant_bytes_per_day: 20_000 } });
    const code = 'function main() { return 1; }';
    const { span } = (await post({ ...note(), entity_type: 'function', code })).body;
    const request = () =>
      kernels.call(`/api/execute/${span.id}`, {
        token,
        body: { input: 'x'.repeat(12_000) },
        headers: { prefer: 'respond-async' },
      });
    assert.equal((await request()).status, 202);
    const refused = await request();
    assertProblem(refused, 429);
    assert.equal(refused.headers.get('ratelimit-policy'), '"bytes appended a day";q=20000;w=86400');
  });

  it('bytes a day: more are refused until midnight, repeats are not, and all processes count together', async () => {
    await kernels.changeManifest({ throttle: { per_tenant_bytes_per_day: 20_000 } });
    const stored = note({ description: 'x'.repeat(12_000) });
    assert.equal((await post(stored)).status, 201);
    const refused = await post(note({ description: 'x'.repeat(12_000) }));
    assertProblem(refused, 429);
    assert.equal(refused.headers.get('ratelimit-policy'), '"bytes appended a day";q=20000;w=86400');
    const untilMidnight = Number(refused.headers.get('retry-after'));
    assert.ok(untilMidnight > 0 && untilMidnight <= 86_400);
    assert.equal((await post(stored)).status, 200);
    assert.equal((await post(note())).status, 201, 'what still fits');
    assert.equal((await post(note({ description: 'x'.repeat(12_000) }), others)).status, 201);
    await until('the bytes are counted', async () => {
      const { rows } = await kernels.look(`SELECT bytes FROM app.append_usage WHERE tenant_id = 'acme'`);
      return Number(rows[0]?.bytes) > 12_000 || undefined;
    });
    const another = new SpanWriter({
      database: kernels.pool,
      signingKey: () => kernels.key,
      limits: new AppendLimits({
        database: kernels.pool,
        trusted: () => new Set([kernels.key.publicKeyHex]),
      }),
    });
    const alice = { user: 'alice', tenant: 'acme' };
    await assert.rejects(
      another.append(alice, [note({ description: 'x'.repeat(12_000) })], { isLimited: true }),
      QuotaExceededError,
    );
  });
});

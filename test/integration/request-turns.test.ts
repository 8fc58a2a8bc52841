import assert from 'node:assert/strict';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

describe('requests, whatever their answers', () => {
  let stage0: TestStage0;
  before(async () => {
    stage0 = await createTestStage0();
  });
  after(() => stage0.close());

  for (const [path, method] of [
    ['/nothing', 'GET'],
    ['/api/spans', 'OPTIONS'],
    ['/api/spans', 'PUT'],
    ['/api/me', 'GET'],
  ] as const) {
    it(`of many callers without a token are spread over turns of the event loop: ${method} ${path}`, async () => {
      const { turns } = stage0.fairness;
      const before = turns.turns;
      await Promise.all(Array.from({ length: 200 }, () => stage0.call(path, { method })));
      assert.ok(turns.turns - before >= 8, `${turns.turns - before} turns`);
    });
  }

  it('with a text longer than a span, though of few values, are parsed in slices', async () => {
    const token = await stage0.token('alice', 'acme');
    const { turns } = stage0.fairness;
    const before = turns.turns;
    const raw = `{"entity_type":"note","who":"a","this":"${'\\u00e9'.repeat(690_000)}"}`;
    for (let count = 0; count < 10; count += 1)
      assert.equal((await stage0.call('/api/spans', { token, raw })).status, 413);
    assert.ok(turns.turns - before >= 25, `${turns.turns - before} turns`);
  });

  it('go before those of strangers when their token is known', async () => {
    const token = await stage0.token('alice', 'acme');
    await stage0.call('/api/me', { token });
    let answered = 0;
    const strangers = Array.from({ length: 200 }, () =>
      stage0.call('/api/me', { token: 'x.y.z' }).then(() => {
        answered += 1;
      }),
    );
    await stage0.call('/api/me', { token });
    const before = answered;
    await Promise.all(strangers);
    assert.ok(before <= 60, `${before} strangers were answered before`);
  });
});

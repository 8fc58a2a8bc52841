import assert from 'node:assert/strict';
import type { Answer } from '../../../runtime/stage0/answer';
import { compressed } from '../../../runtime/stage0/answer-encoding';
import { createFairness } from '../../../runtime/stage0/fairness';

describe('compressing an answer', () => {
  const request = new Request('http://localhost', { headers: { 'accept-encoding': 'gzip' } });
  const answer = (bytes: number): Answer => ({ status: 200, headers: {}, text: 'x'.repeat(bytes) });

  it('uses one thread for the large answers of a tenant, and leaves one to others and to small ones', async () => {
    const { compressions } = createFairness();
    const coding = async (tenant: string, bytes: number) =>
      (await compressed(answer(bytes), request, { compressions, tenant })).headers['content-encoding'];
    const codings = await Promise.all([
      coding('bad', 1_000_000),
      coding('bad', 1_000_000),
      coding('bad', 2_000),
      coding('good', 1_000_000),
    ]);
    assert.deepEqual(codings, ['gzip', undefined, 'gzip', 'gzip']);
    assert.equal(await coding('bad', 1_000_000), 'gzip');
  });
});

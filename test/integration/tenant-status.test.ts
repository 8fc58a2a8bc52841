import assert from 'node:assert/strict';
import { createTestKernels, type TestKernels } from '../support/test-kernels';

describe('GET /api/status', () => {
  let kernels: TestKernels;
  let admin: string;
  before(async () => {
    kernels = await createTestKernels();
    admin = await kernels.token('alice', 'acme');
  });
  after(() => kernels.close());

  const append = async (token: string, body: object): Promise<string> => {
    const answer = await kernels.call('/api/spans', { token, body: { who: 'alice', this: 'x', ...body } });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body.span.id;
  };
  const read = async (token = admin) => (await kernels.call('/api/status', { token })).body;
  const request = async (token: string, functionId: string) => {
    const headers = { prefer: 'respond-async' };
    const { status } = await kernels.call(`/api/execute/${functionId}`, { method: 'POST', token, headers });
    assert.equal(status, 202);
  };

  it('needs the scope admin', async () => {
    const token = await kernels.token('alice', 'acme', ['timeline:read', 'spans:write', 'execute']);
    assert.equal((await kernels.call('/api/status', { token })).status, 403);
    assert.equal((await kernels.call('/api/status')).status, 401);
  });

  it('shows the own tenant’s queue, schedules, quota, policies and jobs, and nothing of others', async () => {
    const code = 'function main() { return 1; }';
    const bob = await kernels.token('bob', 'globex');
    for (const token of [admin, bob]) {
      const functionId = await append(token, { entity_type: 'function', code });
      await request(token, functionId);
      await append(token, { entity_type: 'function', code, metadata: { schedule: 'rate(1 hour)' } });
      await append(token, { entity_type: 'policy', code: 'function on() { throw new Error("no"); }' });
      await append(token, { entity_type: 'note' });
      await kernels.call(`/api/execute/${functionId}`, { method: 'POST', token });
    }
    await kernels.tick('policy_agent');
    const status = await read();
    assert.deepEqual([status.queue.waiting, status.queue.running], [1, 0]);
    assert.equal(status.schedules.length, 1);
    assert.equal(status.schedules[0].owner, 'alice');
    assert.ok(!Number.isNaN(Date.parse(status.schedules[0].due_at)));
    assert.deepEqual([status.quota.limit, status.quota.used], [1000, 1]);
    assert.deepEqual([status.quota.cpu_limit_ms, status.quota.cpu_ms], [null, null]);
    assert.equal(status.policies.length, 1);
    const [policy] = status.policies;
    assert.deepEqual([policy.owner, policy.active], ['alice', true]);
    assert.equal(typeof policy.behind, 'number');
    assert.ok(policy.last_error !== null, 'the policy has failed');
    assert.ok(
      status.jobs.some(
        ({ job, result }: { job: string; result: string }) => job === 'policy_agent' && result === 'ok',
      ),
    );
    assert.ok(!JSON.stringify(status).includes('globex') && !JSON.stringify(status).includes('bob'));
  });
});

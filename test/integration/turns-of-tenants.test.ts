import assert from 'node:assert/strict';
import { NOBODY } from '../../runtime/base/identity';
import { queryAs } from '../../runtime/db/query-as';
import { createTestKernels, type TestKernels } from '../support/test-kernels';

describe('work of all tenants', () => {
  let kernels: TestKernels;
  beforeEach(async () => {
    kernels = await createTestKernels();
  });
  afterEach(() => kernels.close());

  async function append(tenant: string, count: number, span: object): Promise<void> {
    const token = await kernels.token('alice', tenant);
    const body = Array.from({ length: count }, () => ({ who: 'alice', this: 'x', ...span }));
    const answer = await kernels.call('/api/spans', { token, body });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
  }

  async function tenantsOf(text: string): Promise<string[]> {
    const { rows } = await queryAs<{ tenant_id: string }>(kernels.kernelDatabase, NOBODY, {
      text,
      values: [],
    });
    return rows.map(({ tenant_id }) => tenant_id);
  }

  it('finds a due schedule of each tenant before the second of any', async () => {
    await append('busy', 50, { entity_type: 'function', status: 'scheduled', code: 'function main() {}' });
    await append('calm', 1, { entity_type: 'function', status: 'scheduled', code: 'function main() {}' });
    const found = await tenantsOf('SELECT tenant_id FROM app.due_functions(10)');
    assert.equal(found.length, 10);
    assert.ok(found.slice(0, 2).includes('calm'), found.join());
  });

  it('finds a policy of each tenant before the second of any', async () => {
    await append('busy', 50, { entity_type: 'policy', status: 'active', code: 'function on() {}' });
    await append('calm', 1, { entity_type: 'policy', status: 'active', code: 'function on() {}' });
    const found = await tenantsOf('SELECT tenant_id FROM app.active_policies(10)');
    assert.equal(found.length, 10);
    assert.ok(found.slice(0, 2).includes('calm'), found.join());
  });

  it('claims a request of each tenant in turn, also of one whose requests are younger', async () => {
    const request = { entity_type: 'request', status: 'scheduled' };
    for (const tenant of ['first', 'second']) await append(tenant, 5, request);
    await append('late', 2, request);
    const claims: string[] = [];
    for (let count = 0; count < 6; count += 1) {
      claims.push(...(await tenantsOf(`SELECT tenant_id FROM app.claim_request(60, '{}')`)));
      // The run is over at once: the tenant has none under way any more.
      await kernels.look('DELETE FROM app.request_queue WHERE lease_id IS NOT NULL');
    }
    assert.deepEqual(claims, ['first', 'second', 'late', 'first', 'second', 'late']);
  });
});

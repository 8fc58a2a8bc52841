import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { FunctionCall } from '../../runtime/host/function-starter';
import { withClient } from '../support/sql-session';
import { createTestKernels, type TestKernels } from '../support/test-kernels';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { until } from '../support/until';

describe('a run that a caller waits for', () => {
  let stage0: TestStage0;
  /** Ends the running calls, by tenant. */
  const running: { readonly tenant: string; end(): void }[] = [];
  before(async () => {
    const run = ({ caller }: FunctionCall) =>
      new Promise<never>((_resolve, reject) => {
        running.push({ tenant: caller.tenant, end: () => reject(new Error('this test runs no code')) });
      });
    const request = () => Promise.reject(new Error('this test requests nothing'));
    stage0 = await createTestStage0({ functions: { run, request }, fairness: { runs: 4 } });
  });
  after(() => stage0.close());

  const execute = async (tenant: string, body: object = {}) =>
    stage0.call(`/api/execute/${randomUUID()}`, { token: await stage0.token('alice', tenant), body });
  const runsOf = (tenant: string): number => running.filter((one) => one.tenant === tenant).length;

  it('is one of at most half of all for its tenant, while others run', async () => {
    const own = [execute('acme'), execute('acme'), execute('acme')];
    await until('one waits', async () => stage0.fairness.runs.waiting === 1);
    assert.equal(runsOf('acme'), 2);
    const other = execute('globex');
    await until('the other runs', async () => runsOf('globex') === 1);
    assert.equal(runsOf('acme'), 2);
    for (const one of running.splice(0)) one.end();
    await until('what waited runs', async () => runsOf('acme') === 1);
    for (const one of running.splice(0)) one.end();
    await Promise.all([...own, other]);
    assert.equal(stage0.fairness.runs.held, 0);
  });

  it('is not begun when its caller hung up while it waited', async () => {
    const own = [execute('acme'), execute('acme')];
    await until('two run', async () => runsOf('acme') === 2);
    const hangUp = new AbortController();
    const gone = stage0.fetch(
      new Request(`http://localhost/api/execute/${randomUUID()}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${await stage0.token('alice', 'acme')}` },
        signal: hangUp.signal,
      }),
    );
    await until('one waits', async () => stage0.fairness.runs.waiting === 1);
    hangUp.abort();
    for (const one of running.splice(0)) one.end();
    assert.equal((await gone).status, 400);
    assert.deepEqual(running, []);
    await Promise.all(own);
    assert.deepEqual([stage0.fairness.runs.held, stage0.fairness.inputs.held], [0, 0]);
  });

  it('holds the bytes of its input until it ends', async () => {
    const call = execute('acme', { input: 'x'.repeat(1_000_000) });
    await until('it runs', async () => runsOf('acme') === 1);
    assert.ok(stage0.fairness.inputs.held >= 1_000_000);
    assert.equal(stage0.fairness.bodies.held, 0, 'appends are not hindered');
    for (const one of running.splice(0)) one.end();
    await call;
    assert.equal(stage0.fairness.inputs.held, 0);
  });
});

describe('a run whose input finds no memory', () => {
  it('holds the bytes of its body while it waits', async () => {
    const stage0 = await createTestStage0();
    try {
      const { inputs, bodies } = stage0.fairness;
      const release = await inputs.take('acme', 2 * inputs.guaranteed);
      const token = await stage0.token('alice', 'acme');
      const body = { input: 'x'.repeat(1_000_000) };
      const call = stage0.call(`/api/execute/${randomUUID()}`, { token, body });
      await until('it waits', () => inputs.waiting === 1);
      assert.ok(bodies.held >= 1_000_000);
      release();
      await call;
      assert.deepEqual([inputs.held, bodies.held], [0, 0]);
    } finally {
      await stage0.close();
    }
  });
});

describe('reads that are no pages', () => {
  let stage0: TestStage0;
  before(async () => {
    stage0 = await createTestStage0();
  });
  after(() => stage0.close());

  it('wait within the share of their tenant, too, while others are served', async () => {
    const token = await stage0.token('alice', 'acme');
    const note = { entity_type: 'note', who: 'alice', this: 'x' };
    const { id } = (await stage0.call('/api/spans', { token, body: note })).body.span;
    const { reads } = stage0.fairness;
    const release = await reads.take('acme', 2 * reads.guaranteed);
    const paths = [
      '/api/status',
      `/api/spans/${id}/proof`,
      '/api/log/acme/checkpoint',
      '/api/log/acme/tile/0/000',
    ];
    let answered = 0;
    const waiting = paths.map((path) => stage0.call(path, { token }).finally(() => (answered += 1)));
    await until('they wait', () => reads.waiting === paths.length);
    const other = await stage0.token('bob', 'globex');
    assert.equal((await stage0.call('/api/status', { token: other })).status, 200);
    assert.equal(answered, 0);
    release();
    for (const answer of await Promise.all(waiting)) assert.ok(answer.status < 500);
    assert.equal(reads.held, 0);
  });
});

describe('runs of a tenant whose admission takes long', function () {
  this.timeout(30_000);
  let kernels: TestKernels;
  before(async () => {
    kernels = await createTestKernels();
  });
  after(() => kernels.close());

  it('leave connections to the runs of others', async () => {
    const functionOf = async (tenant: string) => {
      const token = await kernels.token('alice', tenant);
      const body = {
        entity_type: 'function',
        who: 'alice',
        this: 'f',
        code: 'function main() { return 1; }',
      };
      const { id } = (await kernels.call('/api/spans', { token, body })).body.span;
      return () => kernels.call(`/api/execute/${id}`, { token, body: {} });
    };
    const [busy, other] = [await functionOf('acme'), await functionOf('globex')];
    assert.equal((await busy()).status, 200);
    await withClient(kernels.database.superuserUrl, async (client) => {
      await client.query('BEGIN');
      await client.query("UPDATE app.execution_quota SET used = used WHERE tenant_id = 'acme'");
      const held = Array.from({ length: 30 }, busy);
      await until('admissions wait', async () => {
        const { rows } = await kernels.look(
          "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%execution_quota%'",
        );
        return rows.length >= 4;
      });
      assert.equal((await other()).status, 200);
      await client.query('COMMIT');
      const statuses = (await Promise.all(held)).map(({ status }) => status);
      assert.deepEqual([...new Set(statuses)], [200]);
    });
  });
});

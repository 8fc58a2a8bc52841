import assert from 'node:assert/strict';
import { readStatus, type StatusReport } from '../../cli/status/read-status';
import { Database } from '../../runtime/db/pool';
import { isTickKernel, KERNEL_NAMES } from '../../runtime/host/kernel-table';
import { createTestKernels, type TestKernels } from '../support/test-kernels';

describe('status', () => {
  let kernels: TestKernels;
  let auditor: Database;
  let alice: string;

  beforeEach(async () => {
    kernels = await createTestKernels();
    auditor = new Database({ connectionString: kernels.database.urls.auditor, poolSize: 1 });
    alice = await kernels.token('alice', 'acme');
  });

  afterEach(async () => {
    await auditor.close();
    await kernels.close();
  });

  function read(): Promise<StatusReport> {
    return readStatus(kernels.pool, auditor, new Set([kernels.key.publicKeyHex]));
  }

  async function append(span: object): Promise<{ id: string; seq: number }> {
    const answer = await kernels.call('/api/spans', {
      token: alice,
      body: { who: 'alice', this: 'a thing', ...span },
    });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body.span;
  }

  async function appendFunction(): Promise<string> {
    return (await append({ entity_type: 'function', code: 'function main() { return 1; }' })).id;
  }

  it('of a fresh ledger says that nothing waits and no job has run', async () => {
    const { queue, jobs, executions, policies, open_subjects, database } = await read();
    assert.deepEqual(queue, { waiting: 0, running: 0, put_off: 0, oldest_waiting_s: null });
    assert.deepEqual(
      jobs.map(({ job, result, late }) => [job, result, late]),
      [...KERNEL_NAMES.filter(isTickKernel), 'midnight_ruler'].map((job) => [job, 'never', false]),
    );
    assert.deepEqual([executions.limit, executions.tenants, policies, open_subjects], [1000, [], [], []]);
    assert.ok(database.bytes > 1_000_000 && database.connections >= 1 && database.max_connections > 1);
  });

  it('counts requests that wait, and says how long the oldest has', async () => {
    const id = await appendFunction();
    for (let count = 0; count < 2; count += 1) {
      const { status } = await kernels.call(`/api/execute/${id}`, {
        method: 'POST',
        token: alice,
        headers: { prefer: 'respond-async' },
      });
      assert.equal(status, 202);
    }
    const { queue } = await read();
    assert.deepEqual([queue.waiting, queue.running], [2, 0]);
    assert.ok(queue.oldest_waiting_s !== null && queue.oldest_waiting_s >= 0);
    await kernels.tick('request_worker');
    assert.deepEqual((await read()).queue, { waiting: 0, running: 0, put_off: 0, oldest_waiting_s: null });
  });

  it("shows a job's last run, its result, and whether it is late", async () => {
    await kernels.tick('observer_bot');
    const [observer] = (await read()).jobs;
    assert.equal(observer?.result, 'ok');
    assert.ok(observer?.started_at && observer.ended_at && observer.ended_at >= observer.started_at);
    assert.equal(observer.late, false);

    await kernels.look(
      "UPDATE app.job_run SET started_at = now() - interval '61 s', ended_at = now() - interval '60 s'",
    );
    assert.equal((await read()).jobs[0]?.late, true);
    await kernels.look('UPDATE app.job_run SET started_at = now()');
    assert.equal((await read()).jobs[0]?.result, 'running');
  });

  it("counts today's executions of each tenant beside the quota of the manifest", async () => {
    await kernels.changeManifest({ throttle: { per_tenant_daily_exec_limit: 7 } });
    const id = await appendFunction();
    for (let count = 0; count < 3; count += 1)
      await kernels.call(`/api/execute/${id}`, { method: 'POST', token: alice });
    const { executions } = await read();
    assert.deepEqual([executions.limit, executions.tenants], [7, [{ tenant: 'acme', used: 3 }]]);
    const untrusting = await readStatus(kernels.pool, auditor, new Set());
    assert.equal(untrusting.executions.limit, null);
  });

  it("counts the spans behind each active policy's cursor, as its owner sees them", async () => {
    const code = 'function on() { return []; }';
    const policy = await append({ entity_type: 'policy', code });
    const paused = await append({ entity_type: 'policy', code, status: 'paused' });
    await append({ entity_type: 'note' });
    const stranger = await kernels.token('eve', 'other');
    await kernels.call('/api/spans', {
      token: stranger,
      body: { entity_type: 'note', who: 'eve', this: 'hidden' },
    });
    const behind = async () =>
      (await read()).policies.map(({ policy_id, tenant, owner, behind }) => [
        policy_id,
        tenant,
        owner,
        behind,
      ]);
    // The paused policy's span and the note, but nothing of the other tenant.
    assert.deepEqual(await behind(), [[policy.id, 'acme', 'alice', 2]]);
    assert.notEqual(policy.id, paused.id);
    await kernels.tick('policy_agent');
    assert.deepEqual(await behind(), [[policy.id, 'acme', 'alice', 0]]);
  });

  it('counts deliverables and contracts that are open', async () => {
    await append({ entity_type: 'deliverable' });
    await append({ entity_type: 'contract' });
    await append({ entity_type: 'contract', status: 'terminated' });
    assert.deepEqual((await read()).open_subjects, [{ tenant: 'acme', open: 2 }]);
  });
});

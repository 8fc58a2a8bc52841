import assert from 'node:assert/strict';
import { UnavailableError } from '../../runtime/base/errors';
import { NOBODY } from '../../runtime/base/identity';
import type { JsonValue } from '../../runtime/base/span';
import { runStatement } from '../../runtime/db/query-as';
import { runJob } from '../../runtime/host/job-runner';
import type { KernelRunOptions } from '../../runtime/host/kernel-host';
import { SCHEDULE } from '../../runtime/host/schedule';
import { silentLogger } from '../../runtime/log/logger';
import { ECHO } from '../support/policy-suite';
import { posterOf } from '../support/poster';
import { withClient } from '../support/sql-session';
import { createTestKernels, type TestKernels } from '../support/test-kernels';
import { until } from '../support/until';

const JOB = 'observer_bot';

describe('the lease of a job that runs one at a time', () => {
  let kernels: TestKernels;
  before(async () => {
    kernels = await createTestKernels();
  });
  after(() => kernels.close());
  beforeEach(() => kernels.look('DELETE FROM app.job_run'));

  async function begin(): Promise<string | undefined> {
    const rows = await runStatement(kernels.kernelDatabase, NOBODY, 'begin_job', [JOB, 30], 'write');
    return rows[0]?.lease_id ?? undefined;
  }
  const expire = () => kernels.look("UPDATE app.job_run SET leased_until = now() - interval '1 second'");

  it('is held by one run, until it runs out', async () => {
    const first = await begin();
    assert.ok(first);
    assert.equal(await begin(), undefined);
    await expire();
    assert.notEqual(await begin(), first);
  });

  it('is renewed and ended by its holder alone, and for half a minute at a time', async () => {
    const stale = (await begin()) ?? '';
    await expire();
    const held = (await begin()) ?? '';
    const renew = async (lease: string) =>
      (await runStatement(kernels.kernelDatabase, NOBODY, 'renew_job', [JOB, lease, 30], 'write'))[0]
        ?.is_held;
    const end = async (lease: string) =>
      (await runStatement(kernels.kernelDatabase, NOBODY, 'end_job', [JOB, lease, 'error', '{}'], 'write'))[0]
        ?.is_held;
    assert.deepEqual([await renew(stale), await end(stale)], [false, false]);
    assert.equal(await begin(), undefined);
    assert.deepEqual([await renew(held), await end(held)], [true, true]);
  });

  /** A run that lasts until it is told to end, and whose lease is renewed all the time. */
  function startRun() {
    const { promise, resolve } = Promise.withResolvers<JsonValue>();
    const signals: AbortSignal[] = [];
    const host = {
      run(_kernel: unknown, _event: unknown, options: KernelRunOptions = {}) {
        if (options.signal !== undefined) signals.push(options.signal);
        return promise;
      },
    };
    const job = SCHEDULE.find((one) => one.job === JOB);
    assert.ok(job);
    const { kernelDatabase } = kernels;
    const outcome = runJob({ kernelDatabase, host, logger: silentLogger(), renewMs: 50 }, job, null);
    return { outcome, end: () => resolve(null), isOver: () => signals[0]?.aborted };
  }

  it('is renewed while its run lasts, so that it is never far from now', async () => {
    const run = startRun();
    const secondsLeft = async () =>
      (
        await kernels.look(
          'SELECT extract(epoch FROM leased_until - now())::float8 AS left FROM app.job_run WHERE job = $1',
          [JOB],
        )
      ).rows[0]?.left;
    await until('it has begun', async () => (await secondsLeft()) !== undefined);
    assert.ok((await secondsLeft()) <= 30);
    await kernels.look("UPDATE app.job_run SET leased_until = now() + interval '1 second'");
    await until('it is renewed', async () => (await secondsLeft()) > 20);
    run.end();
    assert.equal((await run.outcome).outcome, 'ok');
  });

  it('ends the run that finds it lost', async () => {
    const run = startRun();
    await until('it has begun', async () => (await kernels.look('SELECT FROM app.job_run')).rowCount === 1);
    await expire();
    assert.ok(await begin());
    await until('the run is told to end', run.isOver);
    run.end();
    await run.outcome;
  });

  it('ends at once when it lies further ahead than any lease: the clock was set back', async () => {
    await begin();
    await kernels.look("UPDATE app.job_run SET leased_until = now() + interval '40 days'");
    assert.ok(await begin());
    await kernels.look("UPDATE app.job_run SET leased_until = now() + interval '35 seconds'");
    assert.equal(await begin(), undefined, 'a clock that was set a little ends no lease');
  });

  it('a run that lost it to another one writes nothing more; its holder does', async () => {
    const alice = await posterOf(kernels, 'alice', 'acme');
    const schedule = { schedule: 'rate(1 minute)' };
    await alice.post({ entity_type: 'function', code: 'function main() {}', metadata: schedule });
    await kernels.look("UPDATE app.function_schedule SET due_at = now() - interval '5 minutes'");
    const due = async () => (await kernels.look('SELECT due_at FROM app.function_schedule')).rows[0].due_at;
    const before = await due();
    const stale = await begin();
    await expire();
    const held = await begin();
    assert.ok(stale && held);
    await assert.rejects(
      kernels.host.run(JOB, null, { lease: { job: JOB, id: stale } }),
      (error) => error instanceof UnavailableError && /Another run of this job/.test(error.message),
    );
    assert.deepEqual(await due(), before);
    await kernels.host.run(JOB, null, { lease: { job: JOB, id: held } });
    assert.notDeepEqual(await due(), before);
  });

  it('a policy agent that lost it half-way moves no cursor', async () => {
    const alice = await posterOf(kernels, 'alice', 'fenced');
    await alice.post({ entity_type: 'policy', code: ECHO });
    await alice.post({ entity_type: 'order', this: 'one' });
    const agent = { job: 'policy_agent', id: '' };
    const beginAgent = async () => {
      const rows = await runStatement(kernels.kernelDatabase, NOBODY, 'begin_job', [agent.job, 30], 'write');
      return rows[0]?.lease_id ?? '';
    };
    const position = async () =>
      (await kernels.look('SELECT tx_id, ordinal FROM app.policy_cursor WHERE is_active')).rows;
    const before = await position();
    const stale = await beginAgent();
    const held = await withClient(kernels.database.adminUrl, async (client) => {
      await client.query('BEGIN');
      await client.query('LOCK TABLE app.policy_emission IN ACCESS EXCLUSIVE MODE');
      const running = kernels.host.run('policy_agent', null, { lease: { ...agent, id: stale } });
      await until('the agent is at work', async () => {
        const { rows } = await kernels.look('SELECT FROM pg_locks WHERE NOT granted');
        return rows.length > 0;
      });
      await expire();
      const next = await beginAgent();
      await client.query('COMMIT');
      await running;
      return next;
    });
    assert.deepEqual(await position(), before);
    await kernels.host.run('policy_agent', null, { lease: { ...agent, id: held } });
    assert.notDeepEqual(await position(), before);
    assert.equal((await alice.list('entity_type=echo')).length, 1);
  });

  it("the next run begins only after the holder's write has ended", async () => {
    const held = await begin();
    await expire();
    await withClient(kernels.database.urls.kernel, async (holder) => {
      await holder.query('BEGIN');
      await holder.query('SELECT app.hold_job($1, $2)', [JOB, held]);
      const order: string[] = [];
      const next = begin().then((lease) => {
        order.push('next');
        return lease;
      });
      await until('the next run waits for the lock', async () => {
        const { rows } = await kernels.look('SELECT FROM pg_locks WHERE NOT granted');
        return rows.length > 0;
      });
      order.push('holder');
      await holder.query('COMMIT');
      assert.ok(await next);
      assert.deepEqual(order, ['holder', 'next']);
    });
  });
});

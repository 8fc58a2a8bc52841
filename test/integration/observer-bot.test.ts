import assert from 'node:assert/strict';
import { Client } from 'pg';
import { createTestKernels, type TestKernels } from '../support/test-kernels';

describe('the observer', () => {
  let kernels: TestKernels;
  let token: string;
  beforeEach(async () => {
    kernels = await createTestKernels();
    token = await kernels.token('alice', 'acme');
  });
  afterEach(() => kernels.close());

  async function append(span: object): Promise<{ id: string; seq: number; curr_hash: string }> {
    const body = {
      entity_type: 'function',
      who: 'alice',
      this: 'f',
      code: 'function main() { return 1; }',
      ...span,
    };
    const answer = await kernels.call('/api/spans', { token, body });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body.span;
  }

  const requestsFor = async (functionId: string) =>
    (await kernels.call(`/api/timeline?entity_type=request&parent_id=${functionId}&order=asc`, { token }))
      .body.spans;

  /** Makes every function due for the observer again. */
  async function lookAgain(): Promise<void> {
    const client = new Client({ connectionString: kernels.database.superuserUrl });
    await client.connect();
    await client.query("UPDATE app.function_schedule SET due_at = now() - interval '1 second'");
    await client.end();
  }

  const hourAgo = () => new Date(Date.now() - 3_600_000).toISOString();

  it('a function with status scheduled runs once for each version', async () => {
    const first = await append({ status: 'scheduled' });
    await kernels.tick('observer_bot');
    await kernels.tick('observer_bot');
    assert.equal((await requestsFor(first.id)).length, 1);
    await append({ id: first.id, seq: 1, status: 'scheduled' });
    await kernels.tick('observer_bot');
    await kernels.tick('observer_bot');
    assert.equal((await requestsFor(first.id)).length, 2);
  });

  it('a schedule yields one request for a due time, however many observers look', async () => {
    const { id } = await append({ at: hourAgo(), metadata: { schedule: 'rate(7 minutes)' } });
    await Promise.all([1, 2, 3].map(() => kernels.host.run('observer_bot', {})));
    await lookAgain();
    await kernels.host.run('observer_bot', {});
    const requests = await requestsFor(id);
    assert.equal(requests.length, 1);
    assert.equal(requests[0].metadata.scheduled_for, requests[0].input.scheduled_for);
    assert.equal(requests[0].metadata.missed, 7);
  });

  it('a function is looked at although it was looked at later: the clock was set back', async () => {
    const once = await append({ status: 'scheduled' });
    const { id } = await append({ at: hourAgo(), metadata: { schedule: 'rate(7 minutes)' } });
    await kernels.look(
      `UPDATE app.function_schedule SET due_at = now() + interval '40 days', looked_at = now() + interval '40 days',
         done_until = CASE WHEN once THEN NULL ELSE now() + interval '40 days' END`,
    );
    await kernels.tick('observer_bot');
    assert.equal((await requestsFor(once.id)).length, 1);
    assert.equal((await requestsFor(id)).length, 0, 'what was due before counts as done');
    const { rows } = await kernels.look(
      "SELECT due_at <= now() + interval '7 minutes' AS is_soon, done_until <= now() AS is_past FROM app.function_schedule",
    );
    assert.deepEqual(rows, [{ is_soon: true, is_past: true }]);
  });

  it('a due time has one request, also when the clock is set back behind it', async () => {
    const { id } = await append({ at: hourAgo(), metadata: { schedule: 'rate(7 minutes)' } });
    await kernels.tick('observer_bot');
    await kernels.look(
      `UPDATE app.function_schedule SET looked_at = now() + interval '1 day', done_until = now() - interval '8 minutes'`,
    );
    await kernels.tick('observer_bot');
    assert.equal((await requestsFor(id)).length, 1);
  });

  it('a version posted while the clock was ahead is looked at once it was set back', async () => {
    const { id } = await append({ at: hourAgo(), metadata: { schedule: 'rate(7 minutes)' } });
    await kernels.tick('observer_bot');
    const { rows } = await kernels.look('SELECT looked_at <= now() AS is_past FROM app.function_schedule');
    assert.deepEqual(rows, [{ is_past: true }]);
    await kernels.look("UPDATE app.function_schedule SET looked_at = now() - interval '1 hour'");
    await append({ id, seq: 1, at: hourAgo(), metadata: { schedule: 'rate(5 minutes)' } });
    const written = await kernels.look(
      "SELECT looked_at > now() - interval '1 minute' AS is_new FROM app.function_schedule",
    );
    assert.deepEqual(written.rows, [{ is_new: true }]);
  });

  it('a schedule is not due before its time', async () => {
    const { id } = await append({ metadata: { schedule: 'rate(1 day)' } });
    await kernels.tick('observer_bot');
    assert.equal((await requestsFor(id)).length, 0);
  });

  it('a paused or deleted function is not run', async () => {
    const paused = await append({
      at: hourAgo(),
      status: 'paused',
      metadata: { schedule: 'rate(1 minute)' },
    });
    const deleted = await append({ status: 'scheduled' });
    await append({ id: deleted.id, seq: 1, status: 'scheduled', is_deleted: true });
    await kernels.tick('observer_bot');
    assert.equal((await requestsFor(paused.id)).length, 0);
    assert.equal((await requestsFor(deleted.id)).length, 0);
  });

  it('an invalid schedule is reported once, and stops no other function', async () => {
    const bad = await append({ metadata: { schedule: 'every now and then' } });
    const good = await append({ status: 'scheduled' });
    await kernels.tick('observer_bot');
    await kernels.tick('observer_bot');
    const { body } = await kernels.call(`/api/timeline?entity_type=policy_violation&related_to=${bad.id}`, {
      token,
    });
    assert.equal(body.count, 1);
    assert.equal(body.spans[0].status, 'bad_schedule');
    assert.equal((await requestsFor(good.id)).length, 1);
  });

  it('a schedule that is no text, that never comes, or whose time zone is no text is a bad schedule like any other', async () => {
    for (const metadata of [
      { schedule: 5 },
      { schedule: { every: 'day' } },
      { schedule: '' },
      { schedule: 'cron(0 9 30 2 *)' },
      { schedule: 'cron(0 9 1 1 ? 2020)' },
      { schedule: 'cron(0 9 * * *)', timezone: 5 },
    ]) {
      const bad = await append({ metadata });
      await kernels.tick('observer_bot');
      await kernels.tick('observer_bot');
      const { body } = await kernels.call(`/api/timeline?entity_type=policy_violation&related_to=${bad.id}`, {
        token,
      });
      assert.deepEqual(
        body.spans.map(({ status }: { status: string }) => status),
        ['bad_schedule'],
        JSON.stringify(metadata),
      );
      assert.equal((await requestsFor(bad.id)).length, 0);
    }
  });

  it('a null schedule counts as none', async () => {
    const { id } = await append({ metadata: { schedule: null } });
    await kernels.tick('observer_bot');
    const { body } = await kernels.call(`/api/timeline?related_to=${id}`, { token });
    assert.equal(body.count, 0);
  });

  it('a tenant whose quota is used up gets a violation instead of a request', async () => {
    await kernels.changeManifest({ throttle: { per_tenant_daily_exec_limit: 0 } });
    const { id } = await append({ status: 'scheduled' });
    await kernels.tick('observer_bot');
    assert.equal((await requestsFor(id)).length, 0);
    const { body } = await kernels.call('/api/timeline?entity_type=policy_violation&status=quota_exceeded', {
      token,
    });
    assert.equal(body.count, 1);
  });

  it('so does one whose processor time of the day is used up', async () => {
    await kernels.changeManifest({ throttle: { per_tenant_daily_cpu_ms: 100 } });
    await kernels.look(
      `INSERT INTO app.execution_quota (tenant_id, day, used, cpu_ms)
       SELECT 'acme', day::date, 1, 100 FROM unnest(ARRAY[now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC' + interval '1 day']) AS day`,
    );
    const { id } = await append({ status: 'scheduled' });
    await kernels.tick('observer_bot');
    assert.equal((await requestsFor(id)).length, 0);
    const { body } = await kernels.call('/api/timeline?entity_type=policy_violation', { token });
    assert.deepEqual(
      body.spans.map((span: { this: string }) => span.this),
      ['per_tenant_daily_cpu_ms'],
    );
  });
});

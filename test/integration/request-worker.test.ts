import assert from 'node:assert/strict';
import type { KernelOutcome } from '../../runtime/kernels/kernel-context';
import { stableId } from '../../runtime/ledger/stable-id';
import { spanOfBytes } from '../support/span-of-bytes';
import { createTestKernels, type TestKernels } from '../support/test-kernels';
import { until } from '../support/until';

describe('the request worker', () => {
  let kernels: TestKernels;
  let token: string;
  beforeEach(async () => {
    kernels = await createTestKernels();
    token = await kernels.token('alice', 'acme');
  });
  afterEach(() => kernels.close());

  async function append(code: string): Promise<string> {
    const body = { entity_type: 'function', who: 'alice', this: 'a function', code };
    return (await kernels.call('/api/spans', { token, body })).body.span.id;
  }

  async function request(functionId: string, input?: unknown): Promise<string> {
    const answer = await kernels.call(`/api/execute/${functionId}`, {
      token,
      headers: { prefer: 'respond-async' },
      body: input === undefined ? {} : { input },
    });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    assert.equal(answer.headers.get('preference-applied'), 'respond-async');
    return answer.body.request.id;
  }

  const read = async (id: string) => (await kernels.call(`/api/spans/${id}`, { token })).body;

  const executionsOf = async (requestId: string) =>
    (await kernels.call(`/api/timeline?entity_type=execution&related_to=${requestId}&order=asc`, { token }))
      .body.spans;

  /** Makes every retry due now. */
  const passTime = () => kernels.look("UPDATE app.request_queue SET due_at = now() - interval '1 second'");

  async function queueLength(): Promise<number> {
    const { rows } = await kernels.look('SELECT count(*)::int AS length FROM app.request_queue');
    return rows[0].length;
  }

  /** Appends a request span that is sent as this many bytes. */
  async function fullRequest(functionId: string, bytes: number): Promise<string> {
    const more = { entity_type: 'request', status: 'scheduled', parent_id: functionId };
    const added = JSON.stringify({ ...spanOfBytes(1_000), ...more }).length - 1_000;
    const body = { ...spanOfBytes(bytes - added), ...more };
    const answer = await kernels.call('/api/spans', { token, body });
    assert.equal(answer.status, 201, JSON.stringify(answer.body).slice(0, 300));
    return answer.body.span.id;
  }

  it('a request as long as a span may be runs once, and what does not fit into its last version is cut', async () => {
    const fn = await append('function main() { return "done".repeat(2000); }');
    const id = await fullRequest(fn, 1024 * 1024 - 2_000);
    for (let tick = 0; tick < 2; tick += 1) {
      await kernels.tick('request_worker');
      await passTime();
    }
    const { span } = await read(id);
    assert.equal(span.status, 'complete', JSON.stringify(span).slice(0, 300));
    assert.equal(span.output, 'done'.repeat(2000));
    assert.match(span.description, /^x{1000}…$/);
    assert.equal((await executionsOf(id)).length, 1);
    assert.equal(await queueLength(), 0);
  });

  it('a request that leaves no room for a further version ends as an error, and does not come again', async () => {
    const fn = await append('function main() { return 1; }');
    const id = await fullRequest(fn, 1024 * 1024);
    await kernels.tick('request_worker');
    const { span } = await read(id);
    assert.equal(span.status, 'error', JSON.stringify(span).slice(0, 300));
    assert.match(span.error.message, /cannot get a further version.*at most 1048576 bytes/);
    assert.deepEqual(await executionsOf(id), []);
    assert.equal(await queueLength(), 0);
  });

  it('a request goes scheduled → running → complete, with one execution, and leaves the queue', async () => {
    const id = await request(await append('function main(ctx, input) { return input.n + 1; }'), { n: 1 });
    assert.equal(await queueLength(), 1);
    assert.equal((await kernels.tick('request_worker')).outcome, 'ok');
    const { span, versions } = await read(id);
    assert.deepEqual(
      versions.map((version: { status: string }) => version.status),
      ['scheduled', 'running', 'complete'],
    );
    assert.equal(span.output, 2);
    const executions = await executionsOf(id);
    assert.equal(executions.length, 1);
    assert.equal(span.metadata.execution_id, executions[0].id);
    assert.equal(await queueLength(), 0);
  });

  it('the execution of a tenant that moved in has the id that it would have had in its first cell', async () => {
    const salt = 'ab'.repeat(32);
    await kernels.look("INSERT INTO app.tenant_salt (tenant_id, salt) VALUES ('acme', $1)", [salt]);
    const id = await request(await append('function main() { return 1; }'));
    await kernels.tick('request_worker');
    const executions = await executionsOf(id);
    assert.equal(executions[0].id, stableId(salt, 'execution', id, '1'));
  });

  it('a request that is due further ahead than any lease is run at once: the clock was set back', async () => {
    const fn = await append('function main() { return 1; }');
    const [posted, claimed, putOff] = [await request(fn), await request(fn), await request(fn)];
    const setDue = (id: string, due: string) =>
      kernels.look(`UPDATE app.request_queue SET ${due} WHERE request_id = $1`, [id]);
    await setDue(posted, "due_at = now() + interval '40 days'");
    await setDue(claimed, "due_at = now() + interval '1 hour', lease_id = gen_random_uuid()");
    await setDue(putOff, "due_at = now() + interval '50 seconds'");
    await kernels.tick('request_worker');
    const statuses = await Promise.all(
      [posted, claimed, putOff].map(async (id) => (await read(id)).span.status),
    );
    assert.deepEqual(statuses, ['complete', 'complete', 'scheduled']);
  });

  it('a request whose function throws is tried three times, then ends as error with the reason', async () => {
    const id = await request(await append('function main() { throw new Error("never works"); }'));
    for (let attempt = 0; attempt < 4; attempt += 1) {
      await kernels.tick('request_worker');
      await passTime();
    }
    const { span } = await read(id);
    assert.equal(span.status, 'error');
    assert.equal(span.error.message, 'never works');
    assert.deepEqual(
      (await executionsOf(id)).map((execution: { status: string; metadata: { attempt: number } }) => [
        execution.status,
        execution.metadata.attempt,
      ]),
      [
        ['error', 1],
        ['error', 2],
        ['error', 3],
      ],
    );
    assert.equal(await queueLength(), 0);
  });

  it('a request that was committed late and was due before those claimed already is claimed in the same tick', async () => {
    const slow = await append(
      'function main() { const end = Date.now() + 400; while (Date.now() < end); return "slow"; }',
    );
    const first = await request(slow);
    const ticking = kernels.tick('request_worker');
    await until('the first is running', async () => (await read(first)).span.status === 'running');
    const late = await request(await append('function main() { return "late"; }'));
    await passTime();
    await ticking;
    assert.equal((await read(late)).span.status, 'complete');
    assert.equal((await read(first)).span.status, 'complete');
  });

  it('a request that cannot run ends at once, without a retry', async () => {
    const body = {
      entity_type: 'request',
      who: 'alice',
      this: 'nothing',
      status: 'scheduled',
      parent_id: '00000000-0000-4000-8000-00000000ffff',
    };
    const { span } = (await kernels.call('/api/spans', { token, body })).body;
    await kernels.tick('request_worker');
    const ended = (await read(span.id)).span;
    assert.equal(ended.status, 'error');
    assert.equal(ended.error.code, 'not_found');
  });

  it('a worker that dies gives the request back, and a request whose workers all died ends as error', async () => {
    const dying: TestKernels = await createTestKernels({
      database: kernels.database,
      key: kernels.key,
      invoker: { invoke: () => Promise.reject(new Error('the process died')) as Promise<KernelOutcome> },
    });
    const id = await request(await append('function main() { return 1; }'));
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      await dying.tick('request_worker');
      if (attempt < 4) assert.equal((await read(id)).span.status, 'running');
      await passTime();
    }
    const { span } = await read(id);
    assert.equal(span.status, 'error');
    assert.match(span.error.message, /died in each of 3 attempts/);
    assert.equal((await executionsOf(id)).length, 0);
    await dying.close();
  });

  it('a worker that resumes after its lease cannot end the request a second time', async () => {
    const release: { now: () => void } = { now: () => undefined };
    const stopped = new Promise<void>((resolve) => {
      release.now = resolve;
    });
    const started: { signal: () => void } = { signal: () => undefined };
    const isStarted = new Promise<void>((resolve) => {
      started.signal = resolve;
    });
    const slow: TestKernels = await createTestKernels({
      database: kernels.database,
      key: kernels.key,
      invoker: {
        async invoke(kernel, identity, event) {
          started.signal();
          await stopped;
          return kernels.host.invoke(kernel, identity, event);
        },
      },
    });
    const id = await request(await append('function main() { return 1; }'));
    // Directly to the kernel, since the job's single flight would block a second worker.
    const late = slow.host.run('request_worker', {});
    await isStarted;
    await passTime();
    await kernels.host.run('request_worker', {});
    release.now();
    await late;
    const { versions } = await read(id);
    const statuses = versions.map((version: { status: string }) => version.status);
    assert.deepEqual(statuses, ['scheduled', 'running', 'running', 'complete']);
    const attempts = (await executionsOf(id)).map(
      (one: { metadata: { attempt: number } }) => one.metadata.attempt,
    );
    assert.equal(new Set(attempts).size, attempts.length, 'one execution an attempt');
    await slow.close();
  });

  it('a run that lasts longer than a lease keeps it, since its worker renews it', async () => {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const waiting: TestKernels = await createTestKernels({
      database: kernels.database,
      key: kernels.key,
      invoker: {
        async invoke() {
          await ended;
          return { ok: false, error: { code: 'malformed', message: 'waited' }, execution: null };
        },
      },
    });
    await request(await append('function main() { return 1; }'));
    const ticking = waiting.tick('request_worker');
    const secondsLeft = async (): Promise<number> =>
      (
        await kernels.look(
          'SELECT extract(epoch FROM due_at - now())::float8 AS left FROM app.request_queue WHERE lease_id IS NOT NULL',
        )
      ).rows[0]?.left;
    await until('it is leased', async () => (await secondsLeft()) > 0);
    assert.ok((await secondsLeft()) <= 15);
    await kernels.look("UPDATE app.request_queue SET due_at = now() + interval '8 seconds'");
    await until('the lease is renewed', async () => (await secondsLeft()) > 9);
    end();
    await ticking;
    await waiting.close();
  });

  it('many workers at once end every request exactly once', async () => {
    const functionId = await append('function main(ctx, input) { return input; }');
    const spans = Array.from({ length: 60 }, (_, index) => ({
      entity_type: 'request',
      who: 'alice',
      this: functionId,
      status: 'scheduled',
      parent_id: functionId,
      input: index,
    }));
    const { body } = await kernels.call('/api/spans', { token, body: spans });
    await Promise.all([1, 2, 3].map(() => kernels.host.run('request_worker', {})));
    for (const { id } of body.spans) {
      const { versions } = await read(id);
      assert.deepEqual(
        versions.map((version: { status: string }) => version.status),
        ['scheduled', 'running', 'complete'],
      );
    }
    const { rows } = await kernels.look('SELECT count(*)::int AS open FROM app.request_queue');
    assert.equal(rows[0].open, 0);
    const page = await kernels.call('/api/timeline?entity_type=execution&limit=1000', { token });
    assert.equal(page.body.count, 60);
  });

  it('requests are claimed first in, first out', async () => {
    const functionId = await append('function main(ctx, input) { return input; }');
    const ids: string[] = [];
    for (let index = 0; index < 8; index += 1) ids.push(await request(functionId, index));
    const order: unknown[] = [];
    const open: (() => void)[] = [];
    const watching: TestKernels = await createTestKernels({
      database: kernels.database,
      key: kernels.key,
      invoker: {
        invoke: async (_kernel, _identity, event) => {
          order.push((event as { request_id: string }).request_id);
          await new Promise<void>((resolve) => open.push(resolve));
          return { ok: false, error: { code: 'malformed', message: 'only watching' }, execution: null };
        },
      },
    });
    const ticking = watching.tick('request_worker');
    // A tenant has three at a time, in any order; each that ends lets one more be claimed.
    await until('three have begun', () => order.length === 3);
    assert.deepEqual(new Set(order), new Set(ids.slice(0, 3)));
    for (let begun = 4; begun <= 8; begun += 1) {
      open.shift()?.();
      await until('the next one has begun', () => order.length >= begun);
      assert.deepEqual(order.slice(3), ids.slice(3, begun));
    }
    await until('all have begun', () => open.length === 3);
    for (const end of open) end();
    await ticking;
    await watching.close();
  });

  it('a request of a tenant whose quota is used up ends as error', async () => {
    await kernels.changeManifest({ throttle: { per_tenant_daily_exec_limit: 1 } });
    const functionId = await append('function main() { return 1; }');
    const ids = [await request(functionId), await request(functionId)];
    await kernels.tick('request_worker');
    const ends = await Promise.all(ids.map(async (id) => (await read(id)).span));
    assert.deepEqual(ends.map((span) => span.status).sort(), ['complete', 'error']);
    assert.equal(ends.find((span) => span.status === 'error').error.code, 'quota_exceeded');
    const refused = await kernels.call(`/api/execute/${functionId}`, {
      token,
      headers: { prefer: 'respond-async' },
      body: {},
    });
    assert.equal(refused.status, 429);
  });

  it('a function that asks for itself again and again ends with the quota', async () => {
    await kernels.changeManifest({ throttle: { per_tenant_daily_exec_limit: 5 } });
    const functionId = await append(`async function main(ctx, input) {
      await ctx.insertSpan({ entity_type: 'request', who: 'f', this: input.id, status: 'scheduled', parent_id: input.id, input });
      return 'again';
    }`);
    await request(functionId, { id: functionId });
    for (let tick = 0; tick < 8; tick += 1) {
      await kernels.tick('request_worker');
      await passTime();
    }
    const { body } = await kernels.call('/api/timeline?entity_type=execution', { token });
    assert.equal(body.count, 5);
    assert.equal(await queueLength(), 0);
  });

  it('endless runs of one tenant do not hold up another tenant’s request', async () => {
    const loop = await append('function main() { for (;;); }');
    const body = Array.from({ length: 300 }, (_, index) => ({
      entity_type: 'request',
      who: 'alice',
      this: `request ${index}`,
      status: 'scheduled',
      parent_id: loop,
    }));
    assert.equal((await kernels.call('/api/spans', { token, body })).status, 201);
    const bob = await kernels.token('bob', 'other');
    const own = { entity_type: 'function', who: 'bob', this: 'quick', code: 'function main() { return 1; }' };
    const { id } = (await kernels.call('/api/spans', { token: bob, body: own })).body.span;
    const ticking = kernels.tick('request_worker');
    const leased = async () =>
      (await kernels.look('SELECT count(*)::int AS n FROM app.request_queue WHERE lease_id IS NOT NULL'))
        .rows[0].n;
    await until('three places are taken', async () => (await leased()) >= 3);
    assert.equal(await leased(), 3, 'one place of the worker is left to others');
    const asked = await kernels.call(`/api/execute/${id}`, {
      token: bob,
      headers: { prefer: 'respond-async' },
      body: {},
    });
    const read = async () =>
      (await kernels.call(`/api/spans/${asked.body.request.id}`, { token: bob })).body.span;
    await until('the quick request is done', async () => (await read()).status === 'complete');
    const { rows } = await kernels.look(
      "SELECT count(*)::int AS waiting FROM app.request_queue WHERE tenant_id = 'acme' AND attempt = 0",
    );
    assert.ok(rows[0].waiting > 0, 'requests from before were still waiting when it was done');
    await kernels.look("DELETE FROM app.request_queue WHERE tenant_id = 'acme'");
    await ticking;
  });
});

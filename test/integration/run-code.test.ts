import assert from 'node:assert/strict';
import { KERNEL_IDS } from '../../runtime/kernels/stable-ids';
import { tamper } from '../support/tamper';
import { createTestKernels, type TestKernels } from '../support/test-kernels';

describe('running a function', () => {
  let kernels: TestKernels;
  let token: string;
  before(async () => {
    kernels = await createTestKernels();
    token = await kernels.token('alice', 'acme');
  });
  after(() => kernels.close());

  async function append(code: string, more: object = {}, as = token): Promise<string> {
    const { status, body } = await kernels.call('/api/spans', {
      token: as,
      body: { entity_type: 'function', who: 'alice', this: 'a function', name: 'f', code, ...more },
    });
    assert.equal(status, 201, JSON.stringify(body));
    return body.span.id;
  }

  const execute = (id: string, input?: unknown, as = token) =>
    kernels.call(`/api/execute/${id}`, { token: as, body: input === undefined ? {} : { input } });

  it('the result, and one execution span with input, output, duration and trace', async () => {
    const id = await append(
      'async function main(ctx, input) { console.log("hi"); return { twice: input.n * 2, user: ctx.env.APP_USER_ID }; }',
    );
    const { status, body } = await execute(id, { n: 21 });
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body.result, { twice: 42, user: 'alice' });
    assert.equal(body.function_id, id);
    assert.equal(body.execution.entity_type, 'execution');
    assert.equal(body.execution.status, 'complete');
    assert.deepEqual(body.execution.input, { n: 21 });
    assert.deepEqual(body.execution.output, { twice: 42, user: 'alice' });
    assert.match(body.execution.trace_id, /^[0-9a-f]{32}$/);
    assert.ok(Number.isInteger(body.execution.duration_ms));
    assert.equal(body.execution.metadata.logs[0].text, 'hi');
    const found = await kernels.call(`/api/timeline?entity_type=execution&related_to=${id}`, { token });
    assert.equal(found.body.count, 1);
  });

  it('ctx reads as the owner, inserts, signs and verifies', async () => {
    const id = await append(`async function main(ctx, input) {
      const span = await ctx.insertSpan({ entity_type: 'made', who: 'f', this: 'it', metadata: { deep: [1] } });
      const { rows } = await ctx.sql\`SELECT id, this FROM ledger.visible_timeline WHERE id = \${span.id}\`;
      const signed = await ctx.signSpan({ entity_type: 'made', who: 'f', this: 'only signed' });
      const verdict = await ctx.verifySpan(signed);
      return { id: span.id, rows, verdict, key: ctx.env.SIGNING_KEY_HEX ?? null, hash: ctx.crypto.hex(ctx.crypto.blake3(ctx.crypto.toU8('616263'))) };
    }`);
    const { status, body } = await execute(id);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body.result.rows, [{ id: body.result.id, this: 'it' }]);
    assert.deepEqual(body.result.verdict, { ok: true });
    assert.equal(body.result.key, null);
    assert.equal(body.result.hash, '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85');
  });

  it('a function that throws is an error with its line, also in its execution span', async () => {
    const id = await append('function main() {\n  throw new TypeError("no way");\n}');
    const { status, body } = await execute(id);
    assert.equal(status, 422);
    assert.equal(body.success, false);
    assert.equal(body.error.name, 'TypeError');
    assert.equal(body.error.line, 2);
    assert.equal(body.execution.status, 'error');
    assert.equal(body.execution.error.message, 'no way');
  });

  it('another owner’s function cannot be run, hidden or not', async () => {
    const hidden = await append('function main() { return 1; }');
    const open = await append('function main() { return 1; }', { visibility: 'public' });
    const stranger = await kernels.token('alice', 'other');
    assert.equal((await execute(hidden, undefined, stranger)).status, 404);
    assert.equal((await execute(open, undefined, stranger)).status, 403);
  });

  it('only functions can be run', async () => {
    const { body } = await kernels.call('/api/spans', {
      token,
      body: { entity_type: 'note', who: 'a', this: 'b' },
    });
    assert.equal((await execute(body.span.id)).status, 400);
    assert.equal((await execute('00000000-0000-4000-8000-00000000ffff')).status, 404);
    assert.equal((await execute('not-a-uuid')).status, 400);
  });

  it('a function that the manifest lets boot is trusted only while it verifies', async () => {
    const { guard } = kernels.host;
    const system = await kernels.token('system', 'system');
    const id = await append('function main() { return 1; }', { visibility: 'public' }, system);
    const { allowedBootIds } = await guard.manifest();
    await kernels.changeManifest({ allowed_boot_ids: [...allowedBootIds, id] });
    try {
      assert.equal((await guard.trusted(id)).id, id);
      await tamper(kernels.database, id, { code: 'function main() { return 2; }' });
      await assert.rejects(guard.trusted(id), /does not verify/);
    } finally {
      await kernels.changeManifest({ allowed_boot_ids: [...allowedBootIds] });
    }
  });

  it('a function whose row was tampered with is refused, and the refusal is recorded', async () => {
    const id = await append('function main() { return 1; }');
    await tamper(kernels.database, id, { code: 'function main() { return 2; }' });
    const { status, body } = await execute(id);
    assert.equal(status, 403);
    assert.match(body.detail, /does not verify/);
    const events = await kernels.call(
      `/api/timeline?entity_type=boot_event&status=refused&related_to=${id}`,
      { token },
    );
    assert.equal(events.body.count, 1);
  });

  it('a used-up quota answers 429 and writes one violation, and does not affect other tenants', async () => {
    await kernels.changeManifest({ throttle: { per_tenant_daily_exec_limit: 2 } });
    try {
      const poor = await kernels.token('bob', 'small');
      const id = await append('function main() { return 1; }', {}, poor);
      const statuses = [];
      for (let run = 0; run < 4; run += 1) statuses.push((await execute(id, undefined, poor)).status);
      assert.deepEqual(statuses, [200, 200, 429, 429]);
      const refused = await execute(id, undefined, poor);
      const retryAfter = refused.headers.get('retry-after');
      assert.ok(Number(retryAfter) > 0);
      assert.equal(refused.headers.get('ratelimit-policy'), '"runs a day";q=2;w=86400');
      assert.equal(refused.headers.get('ratelimit'), `"runs a day";r=0;t=${retryAfter}`);
      const later = await kernels.call(`/api/execute/${id}`, {
        method: 'POST',
        token: poor,
        headers: { prefer: 'respond-async' },
      });
      assert.equal(later.status, 429);
      assert.equal(later.headers.get('ratelimit-policy'), '"runs a day";q=2;w=86400');
      const violations = await kernels.call('/api/timeline?entity_type=policy_violation', { token: poor });
      assert.equal(violations.body.count, 1);
      const rich = await kernels.token('carol', 'large');
      const own = await append('function main() { return 1; }', {}, rich);
      assert.equal((await execute(own, undefined, rich)).status, 200);
    } finally {
      await kernels.changeManifest({ throttle: { per_tenant_daily_exec_limit: 1000 } });
    }
  });

  it('a tenant whose runs used up the processor time of the day gets 429 and one violation; others are not affected', async () => {
    await kernels.changeManifest({ throttle: { per_tenant_daily_cpu_ms: 500 } });
    try {
      const poor = await kernels.token('bob', 'busy');
      const id = await append('function main() { for (let i = 0; i < 2e7; i += 1); }', {}, poor);
      const small = await append('function main() { return 1; }', {}, poor);
      assert.equal((await execute(small, undefined, poor)).status, 200);
      const counted = async () => {
        const { rows } = await kernels.look(
          'SELECT used, cpu_ms FROM app.execution_quota WHERE tenant_id = $1',
          ['busy'],
        );
        return rows[0];
      };
      const before = await counted();
      assert.ok(before.used === 1 && before.cpu_ms < 500, JSON.stringify(before));
      for (let run = 0; run < 40 && (await execute(id, undefined, poor)).status === 200; run += 1);
      assert.ok((await counted()).cpu_ms >= 500);
      const admin = await kernels.token('bob', 'busy', ['admin']);
      const { quota } = (await kernels.call('/api/status', { token: admin })).body;
      assert.deepEqual([quota.cpu_limit_ms, quota.cpu_ms], [500, Math.round((await counted()).cpu_ms)]);
      const refused = await execute(small, undefined, poor);
      assert.equal(refused.status, 429);
      assert.match(refused.body.detail, /500 ms of processor time/);
      assert.ok(Number(refused.headers.get('retry-after')) > 0);
      const policy = '"ms of processor time a day";q=500;w=86400';
      assert.equal(refused.headers.get('ratelimit-policy'), policy);
      const later = await kernels.call(`/api/execute/${small}`, {
        method: 'POST',
        token: poor,
        headers: { prefer: 'respond-async' },
      });
      assert.equal(later.status, 429);
      assert.equal(later.headers.get('ratelimit-policy'), policy);
      const violations = await kernels.call('/api/timeline?entity_type=policy_violation', { token: poor });
      assert.deepEqual(
        violations.body.spans.map((span: { this: string }) => span.this),
        ['per_tenant_daily_cpu_ms'],
      );
      const rich = await kernels.token('carol', 'calm');
      const own = await append('function main() { return 1; }', {}, rich);
      assert.equal((await execute(own, undefined, rich)).status, 200);
    } finally {
      await kernels.changeManifest({ throttle: {} });
    }
  });

  it('a refused run does not count towards the quota', async () => {
    await kernels.changeManifest({ throttle: { per_tenant_daily_exec_limit: 1 } });
    try {
      const poor = await kernels.token('erin', 'tiny');
      const own = await append('function main() { return 1; }', {}, poor);
      const foreign = await append('function main() { return 1; }', { visibility: 'public' });
      const note = await kernels.call('/api/spans', {
        token: poor,
        body: { entity_type: 'note', who: 'erin', this: 'no function' },
      });
      const gone = await append('function main() { return 1; }', {}, poor);
      const deletion = await kernels.call('/api/spans', {
        token: poor,
        body: {
          id: gone,
          seq: 1,
          entity_type: 'function',
          who: 'erin',
          this: 'a function',
          is_deleted: true,
        },
      });
      assert.equal(deletion.status, 201);
      const missing = '00000000-0000-4000-8000-00000000ffff';
      const statuses = [];
      for (const id of [missing, foreign, note.body.span.id, gone])
        statuses.push((await execute(id, undefined, poor)).status);
      assert.deepEqual(statuses, [404, 403, 400, 404]);
      assert.equal((await execute(own, undefined, poor)).status, 200);
      assert.equal((await execute(own, undefined, poor)).status, 429);
    } finally {
      await kernels.changeManifest({ throttle: { per_tenant_daily_exec_limit: 1000 } });
    }
  });

  it('callers at the same time never take more places than there are', async () => {
    await kernels.changeManifest({ throttle: { per_tenant_daily_exec_limit: 5 } });
    try {
      const many = await kernels.token('frank', 'crowd');
      const id = await append('function main() { return 1; }', {}, many);
      const answers = await Promise.all(Array.from({ length: 20 }, () => execute(id, undefined, many)));
      const statuses = answers.map(({ status }) => status).sort();
      assert.deepEqual(statuses, [...Array(5).fill(200), ...Array(15).fill(429)]);
    } finally {
      await kernels.changeManifest({ throttle: { per_tenant_daily_exec_limit: 1000 } });
    }
  });

  it('a kernel that the manifest does not list may not boot, and the refusal is recorded', async () => {
    const all = Object.values(KERNEL_IDS);
    await kernels.changeManifest({ allowed_boot_ids: all.filter((id) => id !== KERNEL_IDS.observer_bot) });
    try {
      const system = await kernels.token('system', 'system');
      const { status, body } = await execute(KERNEL_IDS.observer_bot, undefined, system);
      assert.equal(status, 403);
      assert.match(body.detail, /does not allow/);
      const events = await kernels.call(
        `/api/timeline?entity_type=boot_event&status=refused&related_to=${KERNEL_IDS.observer_bot}`,
        { token: system },
      );
      assert.equal(events.body.count, 1);
    } finally {
      await kernels.changeManifest({ allowed_boot_ids: [...all, '00000000-0000-4000-8000-000000000006'] });
    }
    const operator = await kernels.token('system', 'system');
    assert.equal((await execute(KERNEL_IDS.observer_bot, undefined, operator)).status, 200);
  });

  for (const kernel of ['observer_bot', 'request_worker', 'policy_agent'] as const) {
    it(`${kernel} works for all tenants: no scope within a tenant starts it, tenant system does with admin`, async () => {
      const start = async (user: string, tenant: string, scope?: readonly ('execute' | 'admin')[]) =>
        (await execute(KERNEL_IDS[kernel], undefined, await kernels.token(user, tenant, scope))).status;
      assert.equal(await start('alice', 'acme'), 403);
      assert.equal(await start('system', 'acme'), 403);
      assert.equal(await start('system', 'system', ['execute']), 403);
      assert.equal(await start('system', 'system', ['execute', 'admin']), 200);
    });
  }

  it('a listed, signed function of the system boots with the signing key, and the boot is recorded', async () => {
    const system = await kernels.token('system', 'system');
    const id = await append(
      'function main(ctx) { return typeof ctx.env.SIGNING_KEY_HEX; }',
      { visibility: 'public' },
      system,
    );
    assert.equal((await execute(id)).status, 403);
    const all = [...Object.values(KERNEL_IDS), '00000000-0000-4000-8000-000000000006'];
    await kernels.changeManifest({ allowed_boot_ids: [...all, id] });
    const { status, body } = await execute(id);
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.result, 'string');
    const events = await kernels.call(`/api/timeline?entity_type=boot_event&status=booted&related_to=${id}`, {
      token,
    });
    assert.equal(events.body.count, 1);
  });

  for (const [title, code] of [
    ['U+0000 in the result', 'function main() { return { a: ["\\u0000"] }; }'],
    ['a lone surrogate in the result', 'function main() { return "\\ud800"; }'],
    ['U+0000 in the error', 'function main() { throw new Error("a\\u0000b\\ud800"); }'],
    ['U+0000 in the name of a member', 'function main() { return { "\\u0000": 1 }; }'],
    [
      'U+0000 and lone surrogates on the console',
      'function main() { console.log("\\u0000\\ud800"); return 1; }',
    ],
  ] as const) {
    it(`${title} cannot keep the run out of the ledger`, async () => {
      const id = await append(code);
      const { status, body } = await execute(id);
      assert.ok(status === 200 || status === 422, JSON.stringify(body));
      const found = await kernels.call(`/api/timeline?entity_type=execution&related_to=${id}`, { token });
      assert.equal(found.body.count, 1);
    });
  }

  it('no request can start the midnight round for all tenants', async () => {
    const event = { trigger: 'midnight_ruler', scheduled_for: '2099-01-01T00:00:00.000Z' };
    const answer = await execute(KERNEL_IDS.run_code, event);
    assert.equal(answer.status, 400, JSON.stringify(answer.body));
    const { status, body } = await kernels.call('/api/spans', {
      token,
      body: {
        entity_type: 'request',
        who: 'a',
        this: 'x',
        status: 'scheduled',
        parent_id: KERNEL_IDS.run_code,
        input: event,
      },
    });
    assert.equal(status, 201);
    await kernels.tick('request_worker');
    const { span } = (await kernels.call(`/api/spans/${body.span.id}`, { token })).body;
    assert.equal(span.status, 'error', JSON.stringify(span));
    const { rows } = await kernels.look('SELECT count(*)::int AS nights FROM app.ruling_night');
    assert.equal(rows[0].nights, 0);
  });
});

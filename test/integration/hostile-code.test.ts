import assert from 'node:assert/strict';
import { createTestKernels, type TestKernels } from '../support/test-kernels';

/** Code that must end in an error with one of these codes or messages. */
const ATTACKS: readonly { readonly title: string; readonly code: string; readonly error: RegExp }[] = [
  { title: 'an infinite loop', code: 'function main() { for (;;); }', error: /cpu_limit|wall_limit/ },
  {
    title: 'infinite microtasks',
    code: 'async function main() { const spin = () => Promise.resolve().then(spin); await spin(); }',
    error: /cpu_limit|wall_limit|memory_limit/,
  },
  {
    title: 'a memory bomb',
    code: 'function main() { const a = []; for (;;) a.push(new Array(1e5).fill("x")); }',
    error: /memory_limit|cpu_limit/,
  },
  {
    title: 'deep recursion',
    code: 'function main() { const f = () => f() + 1; return f(); }',
    error: /stack_limit|thrown/,
  },
  {
    title: 'a catastrophic regex',
    code: 'function main() { return /^(a+)+$/.test("a".repeat(40) + "!"); }',
    error: /cpu_limit|wall_limit/,
  },
  {
    title: 'one long C-level call',
    code: 'function main() { return "x".repeat(3e7).split("").sort().length; }',
    error: /_limit/,
  },
  {
    title: 'a huge output',
    code: 'function main() { return "x".repeat(2 * 1024 * 1024); }',
    error: /output_limit/,
  },
  {
    title: 'a promise that never resolves',
    code: 'function main() { return new Promise(() => {}); }',
    error: /never_resolved|wall_limit/,
  },
  {
    title: 'the way to process',
    code: 'function main(ctx) { return ctx.constructor.constructor("return process")().env; }',
    error: /thrown/,
  },
  {
    title: 'require',
    code: 'function main() { return require("fs").readFileSync("/etc/passwd"); }',
    error: /thrown/,
  },
  {
    title: 'a throwing getter in the result',
    code: 'function main() { return { get a() { throw new Error("gotcha"); } }; }',
    error: /thrown|bad_result/,
  },
  { title: 'a syntax error', code: 'function main( {', error: /syntax/ },
  { title: 'no main', code: 'const x = 1;', error: /no_entry/ },
];

/** SQL that must be refused in any form. */
const SQL_ATTACKS: readonly string[] = [
  "SELECT set_config('app.tenant_id', 'victim', true)",
  "WITH x AS MATERIALIZED (SELECT set_config('app.tenant_id', 'victim', true) AS s) SELECT r.this FROM x, ledger.universal_registry r",
  "SELECT /* set_config */ pg_catalog.\"set_config\"('app.user_id', 'victim', true)",
  'SET ROLE postgres',
  "SET app.tenant_id = 'victim'",
  'RESET ALL',
  'COMMIT; SELECT 1',
  'COMMIT',
  'SELECT 1; SELECT 2',
  'SELECT pg_sleep(10)',
  'SELECT pg_terminate_backend(pid) FROM pg_stat_activity',
  'SELECT rolpassword FROM pg_authid',
  "SELECT query_to_xml('SELECT 1', true, true, '')",
  "COPY (SELECT 1) TO PROGRAM 'id'",
  'INSERT INTO ledger.universal_registry (id) VALUES (NULL)',
  'DELETE FROM ledger.universal_registry',
  'WITH gone AS (DELETE FROM app.request_queue RETURNING *) SELECT * FROM gone',
  'SELECT * FROM app.request_queue',
  'SELECT * FROM ledger.universal_registry FOR UPDATE',
  'SELECT count(*) FROM generate_series(1, 10000000000) a, generate_series(1, 10000000000) b',
  'LISTEN x',
  'DO $$ BEGIN PERFORM 1; END $$',
];

describe('hostile code', () => {
  let kernels: TestKernels;
  let token: string;
  before(async () => {
    kernels = await createTestKernels();
    token = await kernels.token('mallory', 'evil');
    await kernels.changeManifest({
      policy: { slow_ms: 1500 },
      sandbox: {
        cpu_ms: 1500,
        wall_ms: 1500,
        memory_bytes: 64 * 1024 * 1024,
        output_bytes: 1024 * 1024,
        max_calls: 1000,
      },
    });
    const victim = await kernels.token('victim', 'victim');
    await kernels.call('/api/spans', {
      token: victim,
      body: { entity_type: 'secret', who: 'v', this: 'the victim’s secret' },
    });
  });
  after(() => kernels.close());

  async function run(code: string) {
    const body = { entity_type: 'function', who: 'm', this: 'attack', code };
    const { span } = (await kernels.call('/api/spans', { token, body })).body;
    return kernels.call(`/api/execute/${span.id}`, { token, body: {} });
  }

  async function assertHealthy(): Promise<void> {
    const { status, body } = await run('function main() { return "fine"; }');
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.result, 'fine');
  }

  for (const { title, code, error } of ATTACKS) {
    it(`${title} ends in a clear error, and the next run is fine`, async () => {
      const { status, body } = await run(code);
      assert.equal(status, 422, JSON.stringify(body));
      assert.match(body.error.code, error, JSON.stringify(body.error));
      assert.ok(body.error.message.length > 0);
      assert.equal(body.execution.status, 'error');
      await assertHealthy();
    });
  }

  for (const text of SQL_ATTACKS) {
    it(`ctx.sql refuses ${text.slice(0, 60)}`, async () => {
      const { status, body } = await run(
        `async function main(ctx) { return (await ctx.sql\`${text.replaceAll('`', '\\`').replaceAll('$', '\\$')}\`).rows; }`,
      );
      assert.equal(status, 422, JSON.stringify(body));
      assert.doesNotMatch(JSON.stringify(body), /victim’s secret/);
    });
  }

  it('a forged template cannot smuggle text past the bind parameters', async () => {
    const { status } = await run(`async function main(ctx) {
      const strings = Object.freeze(Object.assign(["SELECT set_config('app.tenant_id','victim',true)"], { raw: Object.freeze(["x"]) }));
      return (await ctx.sql(strings)).rows;
    }`);
    assert.equal(status, 422);
  });

  it('what row-level security hides stays hidden from ctx.sql', async () => {
    const { status, body } = await run(
      'async function main(ctx) { return (await ctx.sql`SELECT this, tenant_id FROM ledger.universal_registry`).rows.filter((row) => row.tenant_id !== ctx.env.APP_TENANT_ID && row.tenant_id !== "system"); }',
    );
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body.result, []);
  });

  it('a span cannot be inserted or signed under another identity', async () => {
    for (const call of ['insertSpan', 'signSpan']) {
      const { status, body } = await run(
        `async function main(ctx) { return ctx.${call}({ entity_type: 'x', who: 'x', this: 'x', owner_id: 'victim', tenant_id: 'victim' }); }`,
      );
      assert.equal(status, 422, JSON.stringify(body));
      assert.match(body.error.message, /owner_id and tenant_id/);
    }
  });

  it('identity cannot be changed by writing to ctx', async () => {
    const { status, body } = await run(`async function main(ctx) {
      try { ctx.env.APP_TENANT_ID = 'victim'; } catch {}
      try { ctx.env = { APP_TENANT_ID: 'victim', APP_USER_ID: 'victim' }; } catch {}
      const span = await ctx.insertSpan({ entity_type: 'x', who: 'x', this: 'x' });
      return [span.tenant_id, span.owner_id];
    }`);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body.result, ['evil', 'mallory']);
  });

  it('a polluted prototype does not come back', async () => {
    const { status, body } = await run(
      'function main() { return JSON.parse(\'{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}\'); }',
    );
    assert.ok(status === 200 || status === 422, JSON.stringify(body));
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  });

  it('nothing of the host is in the environment, the globals or an error', async () => {
    const { status, body } = await run(`function main(ctx) {
      let stack = ''; try { null.x } catch (error) { stack = String(error.stack); }
      return { env: Object.keys(ctx.env), globals: Object.getOwnPropertyNames(globalThis).filter((name) => /process|require|fetch|Worker|Deno|Bun|module/.test(name)), stack };
    }`);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body.result.env.sort(), ['APP_TENANT_ID', 'APP_USER_ID']);
    assert.deepEqual(body.result.globals, []);
    assert.doesNotMatch(body.result.stack, /\.(?:c|m)?ts|node_modules|node:/);
  });

  it('another tenant gets its answer while one tenant keeps every worker busy', async () => {
    const loops = Array.from({ length: 6 }, () => run('function main() { for (;;); }'));
    const calm = await kernels.token('calm', 'calm');
    const body = { entity_type: 'function', who: 'c', this: 'calm', code: 'function main() { return 1; }' };
    const { span } = (await kernels.call('/api/spans', { token: calm, body })).body;
    const calmFirst = await Promise.race([
      kernels.call(`/api/execute/${span.id}`, { token: calm, body: {} }).then(({ status }) => status),
      Promise.all(loops).then(() => 'all loops were over first'),
    ]);
    assert.equal(calmFirst, 200);
    await Promise.all(loops);
  });
});

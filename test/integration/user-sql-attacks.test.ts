// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the code under test is written in these strings
import assert from 'node:assert/strict';
import { Client } from 'pg';
import { createTestKernels, type TestKernels } from '../support/test-kernels';
import { until } from '../support/until';

/** SQL attacks by user code, through the API. Another tenant's requests continue meanwhile, and nothing runs on afterwards. */
describe('hostile SQL of user code', function () {
  this.timeout(120_000);
  let kernels: TestKernels;
  let mallory: string;
  let alice: string;
  let observer: Client;

  before(async () => {
    kernels = await createTestKernels();
    mallory = await kernels.token('mallory', 'hostile');
    alice = await kernels.token('alice', 'acme');
    observer = new Client({ connectionString: kernels.database.superuserUrl });
    await observer.connect();
  });
  after(async () => {
    await observer.end();
    await kernels.close();
  });

  async function append(code: string, token = mallory): Promise<string> {
    const { status, body } = await kernels.call('/api/spans', {
      token,
      body: { entity_type: 'function', who: 'm', this: 'f', name: 'f', code },
    });
    assert.equal(status, 201, JSON.stringify(body));
    return body.span.id;
  }

  const execute = (id: string, token = mallory, input: unknown = null) =>
    kernels.call(`/api/execute/${id}`, { token, body: { input } });

  async function run(code: string, input?: unknown) {
    return execute(await append(code), mallory, input);
  }

  async function busy(): Promise<number> {
    const { rows } = await observer.query(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'logline guest' AND state <> 'idle' AND datname = current_database()",
    );
    return rows[0].n;
  }

  afterEach(async () => {
    // `until` has its own time-out.
    await until('no connection of guests is busy', async () => (await busy()) === 0);
  });

  /** Code that returns the outcome of each call. */
  const settle = (calls: string): string => `async function main(ctx, input) {
    const ends = await Promise.allSettled(${calls});
    const failed = ends.filter(({ status }) => status === 'rejected').map(({ reason }) => reason.message);
    return { ok: ends.length - failed.length, failed: [...new Set(failed)].slice(0, 5) };
  }`;

  const refusals: [what: string, calls: string, message: RegExp][] = [
    [
      '20 parallel divisions of numbers of 130,000 digits',
      "Array.from({ length: 20 }, () => ctx.sql`SELECT div(${'9'.repeat(1000)}::numeric, 3), mod('1e130000'::numeric, 7)`)",
      /function div is not allowed/,
    ],
    [
      'translate of 1 MB by 30 KB',
      "[ctx.sql`SELECT translate(${'a'.repeat(1_000_000)}, ${'b'.repeat(30_000)}, '')`]",
      /longer than 65536 bytes/,
    ],
    [
      'translate',
      "[ctx.sql`SELECT translate(this, 'a', 'b') FROM ledger.visible_timeline`]",
      /function translate/,
    ],
    ['repeat', '[ctx.sql`SELECT repeat(${"x"}, 1000000000)`]', /function repeat/],
    [
      'string_agg over generate_series',
      "[ctx.sql`SELECT string_agg(${'x'.repeat(1000)}, '') FROM generate_series(1, 600000)`]",
      /function string_agg/,
    ],
    [
      'jsonpath that visits everything of everything',
      "[ctx.sql`SELECT jsonb_path_query(metadata, '$.**.**') FROM ledger.visible_timeline`]",
      /function jsonb_path_query/,
    ],
  ];
  for (const [what, calls, message] of refusals) {
    it(`${what} is refused before it reaches PostgreSQL`, async () => {
      const { status, body } = await run(settle(calls));
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.result.ok, 0);
      for (const failed of body.result.failed) assert.match(failed, message);
    });
  }

  for (const [title, rows, message] of [
    ['12 MB', 200, 'The query returns more than 4194304 bytes; ask for fewer rows or columns.'],
    [
      '60 MB',
      1000,
      'The query gathers more than it may keep on disk, in a sort or as its answer; ask for fewer rows or columns.',
    ],
  ] as const) {
    it(`a result of ${title} ends the call with a clear error before it is in memory`, async () => {
      const { status, body } = await run(
        settle(
          `[ctx.sql\`SELECT \${'x'.repeat(60000)} || g::text AS t FROM generate_series(1, ${rows}) g\`]`,
        ),
      );
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(body.result, { ok: 0, failed: [message] });
    });
  }

  it('no function is called by the name of a column', async () => {
    for (const column of ['g.pg_advisory_lock', 'g.pg_terminate_backend', 'g.pg_sleep', 'g.array_agg']) {
      const { body } = await run(settle(`[ctx.sql\`SELECT ${column} FROM generate_series(1, 3) g\`]`));
      assert.deepEqual(body.result.failed, [`ctx.sql: column ${column} does not exist`]);
    }
  });

  it('too many rows say so', async () => {
    const { body } = await run(settle('[ctx.sql`SELECT g FROM generate_series(1, 100000) g`]'));
    assert.deepEqual(body.result.failed, ['The query returns more than 1000 rows; add a LIMIT.']);
  });

  it('temporary files are bounded', async () => {
    const { body } = await run(
      settle(
        "[ctx.sql`SELECT count(*) FROM (SELECT DISTINCT ${'x'.repeat(5000)} || g::text FROM generate_series(1, 100000) g) d`]",
      ),
    );
    assert.equal(body.result.ok, 0);
  });

  it('whatever the plan, a statement with costly rows ends at its time limit', async () => {
    const text = 'x'.repeat(60_000);
    const rows = 'generate_series(1, 100000) g';
    const costly = 'count(upper(${input} || g::text))';
    const statements = [
      `SELECT ${costly} FROM ${rows}`,
      `SELECT ${costly} OVER () FROM ${rows}`,
      `SELECT max(upper(\${input} || g::text)) OVER (ORDER BY g ROWS BETWEEN 50000 PRECEDING AND CURRENT ROW) FROM ${rows}`,
      `SELECT 1 FROM ${rows} ORDER BY upper(\${input} || g::text) LIMIT 1`,
      `SELECT count(*) FROM ${rows} WHERE upper(\${input} || g::text) IS NULL`,
      `SELECT count(*) FROM ${rows} JOIN generate_series(1, 100000) h ON upper(\${input} || g::text) = h::text`,
      `SELECT count(*) FROM ${rows} WHERE EXISTS (SELECT 1 FROM generate_series(1, 10) h WHERE upper(\${input} || g::text) = h::text)`,
      `WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT (n + 1)::int FROM r WHERE upper(\${input} || n::text) IS NOT NULL) SELECT count(*) FROM r`,
      `SELECT DISTINCT upper(\${input} || g::text) = 'a' FROM ${rows}`,
      `SELECT count(*) FROM (SELECT upper(\${input} || g::text) AS u FROM ${rows} UNION SELECT 'a') q`,
    ];
    for (const statement of statements) {
      const { body } = await run(
        `async function main(ctx, input) { return (await ctx.sql\`${statement}\`).rows; }`,
        text,
      );
      // The time limit, or first the limit of temporary files, or a refusal.
      assert.match(
        body.error?.message ?? 'it went through',
        /longer than 2000 ms|more than it may keep on disk|values that can be \d+ KiB long/,
        `${statement}: ${JSON.stringify(body.error ?? body.result ?? body)}`.slice(0, 400),
      );
      assert.equal(await busy(), 0, statement);
    }
  });

  it('200 slow selects of one run are four at a time, leave a stranger room, and end with their run', async () => {
    const slow = await append(`async function main(ctx) {
      for (let i = 0; i < 200; i++) ctx.sql\`SELECT count(*) FROM generate_series(1, 1000000000) g\`.catch(() => 0);
      await ctx.sql\`SELECT count(*) FROM generate_series(1, 1000000000) g\`.catch(() => 0);
      return 'over';
    }`);
    const good = await append(
      'async function main(ctx) { return (await ctx.sql`SELECT 1 AS one`).rows; }',
      alice,
    );
    const attack = execute(slow);
    let most = 0;
    await until('the selects run', async () => {
      most = Math.max(most, await busy());
      return most > 0;
    });
    const stranger = await execute(good, alice);
    assert.equal(stranger.status, 200, JSON.stringify(stranger.body));
    assert.deepEqual(stranger.body.result, [{ one: 1 }]);
    most = Math.max(most, await busy());
    assert.ok(most <= 4, `${most} at a time`);
    const { body } = await attack;
    assert.ok(body.execution !== undefined || body.result === 'over', JSON.stringify(body));
    // afterEach checks that nothing runs on.
  });

  it('1,000 different texts of one run are 100, refused ones included', async () => {
    const { body } = await run(
      `async function main(ctx) {
        const texts = Array.from({ length: 999 }, (_, i) => Object.freeze(Object.assign(['SELECT nonsense(' + i + ')'], { raw: Object.freeze(['']) })));
        const messages = [];
        for (const text of texts) await ctx.sql(text).catch((error) => messages.push(error.message));
        return { refused: messages.filter((m) => /function nonsense/.test(m)).length, over: messages.filter((m) => /at most 100 different texts/.test(m)).length };
      }`,
    );
    assert.deepEqual(body.result, { refused: 100, over: 899 });
  });

  it('a million calls end the run', async () => {
    const { status, body } = await run(
      'async function main(ctx) { for (let i = 0; i < 1e6; i++) ctx.sql`SELECT 1`.catch(() => 0); }',
    );
    assert.equal(status, 422);
    assert.equal(body.error.code, 'call_limit');
  });

  it("passes on PostgreSQL's message and position, and nothing else", async () => {
    const fails: [string, RegExp][] = [
      [
        'SELECT nonsense FROM ledger.visible_timeline',
        /^ctx\.sql: column "nonsense" does not exist \(at character 8\)$/,
      ],
      [
        'SELECT  id,\n count(*) FROM ledger.universal_registry',
        /^ctx\.sql: column ".*id" must appear in the GROUP BY clause .* \(at character 9\)$/,
      ],
      ['SELECT 1 / 0', /^ctx\.sql: division by zero$/],
      ["SELECT 'x'::int", /^ctx\.sql: invalid input syntax for type integer: "x" \(at character 8\)$/],
      [
        'SELECT tx_id FROM ledger.universal_registry',
        /^ctx\.sql: column "tx_id" does not exist \(at character 8\)$/,
      ],
      [
        'SELECT lower(at) FROM ledger.visible_timeline',
        /^ctx\.sql: function .*lower\(timestamp with time zone\) does not exist/,
      ],
      [
        'SELECT (SELECT id FROM ledger.visible_timeline UNION ALL SELECT id FROM ledger.visible_timeline)',
        /^ctx\.sql: more than one row returned by a subquery used as an expression$/,
      ],
      ['SELECT FROM FROM x', /syntax error/],
    ];
    for (const [text, message] of fails) {
      const { body } = await run(`async function main(ctx) { return (await ctx.sql\`${text}\`).rows; }`);
      assert.match(body.error.message, message);
    }
  });

  it('rows of a span’s own columns still come', async () => {
    const { body } = await run(
      'async function main(ctx) { const { rows } = await ctx.sql`SELECT * FROM ledger.universal_registry WHERE owner_id = ${"mallory"} ORDER BY at LIMIT 1`; return Object.keys(rows[0]).length; }',
    );
    assert.equal(body.result, 29);
  });
});

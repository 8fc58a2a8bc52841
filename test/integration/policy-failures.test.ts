import assert from 'node:assert/strict';
import { ECHO, PolicySuite, thisOf } from '../support/policy-suite';
import { posterOf } from '../support/poster';
import { tamper } from '../support/tamper';

const FUNCTION_ID = '01900000-0000-7000-8000-000000000001';

describe('policies that fail', () => {
  const suite = PolicySuite.use();

  const FAILURES: readonly (readonly [name: string, code: string, expected: RegExp])[] = [
    [
      'throws',
      'function on(span) {\n  if (span.entity_type === "order") throw new RangeError("no");\n}',
      /"name":"RangeError".*"line":2|"line":2.*"name":"RangeError"/,
    ],
    ['cannot be parsed', 'function on(span { }', /SyntaxError/],
    ['defines no on', 'function off() {}', /defines no function on/],
    ['loops for ever', 'function on(span) { if (span.entity_type === "order") for (;;); }', /cpu_limit/],
    [
      'takes all memory',
      'function on(span) { const a = []; if (span.entity_type === "order") for (;;) a.push("x".repeat(1e6) + a.length); }',
      /memory_limit|cpu_limit/,
    ],
    [
      'never answers',
      'function on(span) { if (span.entity_type === "order") return new Promise(() => {}); }',
      /never_resolved/,
    ],
    [
      'reads through ctx',
      'async function on(span, ctx) { if (span.entity_type === "order") await ctx.sql`SELECT 1`; }',
      /A policy cannot call ctx.sql/,
    ],
    [
      'writes through ctx',
      'async function on(span, ctx) { if (span.entity_type === "order") await ctx.insertSpan({ entity_type: "echo", who: "x", this: "y" }); }',
      /A policy cannot call ctx.insertSpan/,
    ],
    [
      'returns a function',
      'function on(span) { if (span.entity_type === "order") return () => 1; }',
      /bad_result/,
    ],
  ];
  for (const [name, code, expected] of FAILURES) {
    it(`${name}: one policy_error for each span, while other policies continue`, async () => {
      const broken = await suite.policy(code);
      await suite.policy(ECHO);
      const posted = await suite.orders(2);
      await suite.settle();
      const errors = await suite.errors();
      // Syntax errors and a missing entry point fail on every span, including the echoes.
      const own = errors.filter((one) => posted.some(({ id }) => one.related_to?.includes(id)));
      assert.equal(own.length, 2, JSON.stringify(errors.map(({ error }) => error)));
      for (const one of own) {
        assert.match(JSON.stringify(one.error), expected);
        assert.equal(one.parent_id, broken.id);
        assert.equal(one.who, 'policy_agent');
      }
      assert.deepEqual(await suite.echoes(), thisOf(posted));
    }).timeout(120_000);
  }

  it('their processor time is the tenant’s of that day, where the manifest limits it', async () => {
    await suite.kernels.changeManifest({ throttle: { per_tenant_daily_cpu_ms: 1_000_000 } });
    try {
      await suite.policy('function on(span) { if (span.entity_type === "order") for (;;); }');
      await suite.orders(1);
      await suite.settle();
      const { rows } = await suite.kernels.look(
        'SELECT used, cpu_ms FROM app.execution_quota WHERE tenant_id = $1',
        [suite.tenant],
      );
      assert.equal(rows[0]?.used, 0);
      assert.ok(rows[0].cpu_ms >= 400, JSON.stringify(rows));
    } finally {
      await suite.kernels.changeManifest({ throttle: {} });
    }
  }).timeout(60_000);

  const order = (action: string) => `const on = (span) => span.entity_type === 'order' ? ${action} : null;`;
  const BAD_ACTIONS: readonly (readonly [action: string, message: RegExp])[] = [
    [`'emit'`, /an action is an object/],
    [`{ type: 'delete' }`, /type must be/],
    [`{ type: 'request' }`, /function_id must be a UUID/],
    [`{ type: 'request', function_id: '${FUNCTION_ID}', owner_id: 'bob' }`, /owner_id is not a member/],
    [`{ type: 'emit' }`, /span must be an object/],
    [
      `{ type: 'emit', span: { entity_type: 'x', who: 'p', this: 't', id: '${FUNCTION_ID}' } }`,
      /span.id is assigned/,
    ],
    [
      `{ type: 'emit', span: { entity_type: 'x', who: 'p', this: 't', signature: 'ff' } }`,
      /span.signature is assigned/,
    ],
    [
      `{ type: 'emit', span: { entity_type: 'x', who: 'p', this: 't', owner_id: 'bob' } }`,
      /those of the policy/,
    ],
    [
      `{ type: 'emit', span: { entity_type: 'x', who: 'p', this: 't', tenant_id: 'other' } }`,
      /those of the policy/,
    ],
    [
      `{ type: 'emit', span: { entity_type: 'policy', who: 'p', this: 't', code: 'x' } }`,
      /cannot emit a policy/,
    ],
    [`{ type: 'emit', span: { entity_type: 'x', who: 7 } }`, /"pointer":"\/(0\/)?who"/],
    [
      `{ type: 'emit', span: { entity_type: 'x', who: 'p', this: 't', color: 'red' } }`,
      /"pointer":"\/(0\/)?color"/,
    ],
    [
      `[{ type: 'emit', span: { entity_type: 'x', who: 'p', this: 't' } }, 7]`,
      /action 1: an action is an object/,
    ],
    [`Array(21).fill({ type: 'emit', span: { entity_type: 'x', who: 'p', this: 't' } })`, /at most 20/],
  ];
  for (const [action, message] of BAD_ACTIONS) {
    it(`a bad action is an error and nothing else: ${action.slice(0, 70)}`, async () => {
      await suite.policy(order(action));
      await suite.policy(ECHO);
      await suite.orders(2);
      await suite.tick();
      const errors = await suite.errors();
      assert.equal(errors.length, 2);
      for (const { error } of errors) assert.match(JSON.stringify(error), message);
      assert.deepEqual(await suite.alice.list('entity_type=x'), []);
      assert.equal((await suite.echoes()).length, 2);
    });
  }

  for (const [name, poison] of [
    ['loops', 'for (;;);'],
    ['backtracks in a regular expression', '/^(a+)+$/.test("a".repeat(40) + "!");'],
  ] as const) {
    it(`one span of 46 on which it ${name} gets one policy_error, and the 45 others are reacted to once`, async () => {
      await suite.policy(ECHO.replace('return {', `if (span.this === 'poison') { ${poison} }\n return {`));
      const before = await suite.orders(20);
      const [bad] = await suite.orders(1, { this: 'poison' });
      const behind = await suite.orders(25);
      // Ends when nothing is left, after at most three of the six ticks in a minute.
      for (let tick = 0; tick < 3; tick += 1) await suite.tick();
      assert.deepEqual(await suite.echoes(), thisOf([...before, ...behind]));
      const errors = await suite.errors();
      assert.equal(errors.length, 1);
      assert.ok(errors[0]?.related_to?.includes(bad?.id ?? ''));
    }).timeout(120_000);
  }

  it('what does not fit into its policy_error is cut, and the error is there', async () => {
    await suite.policy(order(`({ type: 'request', ['x'.repeat(1_048_300)]: 1 })`));
    // Of two spans, so that one of them may return as much as both.
    await suite.alice.postAll(['order', 'note'].map((entity_type) => ({ entity_type, this: 'x' })));
    await suite.tick();
    const errors = await suite.errors();
    assert.deepEqual(
      errors.map(({ error }) => (error as { truncated?: unknown }).truncated),
      [true],
    );
  });

  it('policies that all fail on each other’s errors do not multiply them', async () => {
    const broken = 'function on() { throw new Error("always"); }';
    for (let index = 0; index < 3; index += 1) await suite.policy(broken);
    await suite.orders(1);
    for (let round = 0; round < 5; round += 1) await suite.tick();
    const errors = await suite.errors();
    // Each fails on the order and on later policies, but not on errors.
    const kinds = await Promise.all(
      errors.map(async ({ metadata }) => {
        const { trigger_id } = metadata as { readonly trigger_id: string };
        return (await suite.alice.latest(trigger_id)).entity_type;
      }),
    );
    assert.deepEqual(kinds.sort(), ['order', 'order', 'order', 'policy', 'policy', 'policy']);
  });

  it('an error shows no more than both the policy and the span that it failed on', async () => {
    await suite.policy('function on(span) { throw new Error(span.this); }', { visibility: 'public' });
    const secret = await suite.alice.post({ entity_type: 'order', this: 'secret' });
    await suite.tick();
    const [error] = await suite.alice.list(`entity_type=policy_error&related_to=${secret.id}`);
    assert.equal(error?.visibility, 'private');
  });

  it('a policy that was tampered with does not run, and is reported once', async () => {
    const rule = await suite.policy(ECHO);
    await tamper(suite.kernels.database, rule.id, { code: ECHO.replace('span.this', '"forged"') });
    await suite.orders(2);
    await suite.tick();
    await suite.tick();
    assert.deepEqual(await suite.echoes(), []);
    const errors = await suite.errors();
    assert.equal(errors.length, 1);
    assert.match(JSON.stringify(errors[0]?.error), /does not verify/);
  });

  it('policies that use up their time do not delay other tenants past the tick', async () => {
    for (let index = 0; index < 6; index += 1) await suite.policy('function on() { for (;;); }');
    await suite.orders(30);
    const others = await Promise.all(
      ['x', 'y', 'z'].map((user) => posterOf(suite.kernels, user, `quiet-${user}`)),
    );
    for (const other of others) await other.post({ entity_type: 'policy', code: ECHO });
    for (const other of others) await other.post({ entity_type: 'order', this: 'quiet' });
    await suite.kernels.host.run('policy_agent', null, { timeoutMs: 16_000 });
    for (const other of others) assert.deepEqual(thisOf(await other.list('entity_type=echo')), ['quiet']);
  }).timeout(60_000);
});

import assert from 'node:assert/strict';
import type { SignedSpan } from '../../runtime/ledger/span';
import { type Poster, posterOf } from '../support/poster';
import { tamper } from '../support/tamper';
import { createTestKernels, type TestKernels } from '../support/test-kernels';

/** What a policy does with each order: one reaction that names it. */
const ECHO = `function on(span) {
  if (span.entity_type !== 'order') return null;
  return { type: 'emit', span: { entity_type: 'echo', who: 'echo', this: span.this } };
}`;

const FUNCTION_ID = '01900000-0000-7000-8000-000000000001';

describe('policies', () => {
  let kernels: TestKernels;
  let alice: Poster;
  let tenants = 0;
  before(async () => {
    kernels = await createTestKernels();
  });
  after(() => kernels.close());
  beforeEach(async () => {
    tenants += 1;
    alice = await posterOf(kernels, 'alice', `tenant-${tenants}`);
  });
  // Policies of one test are none of the next one's.
  afterEach(() => kernels.pool.pool.query('UPDATE app.policy_cursor SET is_active = false'));

  async function tick(on = kernels): Promise<{ readonly [name: string]: number }> {
    const outcome = await on.tick('policy_agent');
    assert.equal(outcome.outcome, 'ok', JSON.stringify(outcome));
    return outcome.outcome === 'ok' ? (outcome.result as { readonly [name: string]: number }) : {};
  }

  /** Ticks until no policy has anything left to look at: one that meets its limits takes several. */
  async function settle(): Promise<void> {
    for (let round = 0; round < 100; round += 1) if ((await tick()).evaluated === 0) return;
    assert.fail('the policies never came to the end');
  }

  const policy = (code: string, more: object = {}) =>
    alice.post({ entity_type: 'policy', name: 'p', code, ...more });
  const orders = (count: number, more: object = {}) =>
    alice.postAll(
      Array.from({ length: count }, (_, index) => ({
        entity_type: 'order',
        this: `order ${index}`,
        ...more,
      })),
    );
  const thisOf = (spans: readonly SignedSpan[]) => spans.map((span) => span.this);
  const echoes = async () => thisOf(await alice.list('entity_type=echo&order=feed'));
  const errorsOf = async () => alice.list('entity_type=policy_error&order=feed');

  /** Puts a policy's cursor back, as if the tick had died before it moved. */
  const rewind = (to: SignedSpan) =>
    kernels.pool.pool.query(
      'UPDATE app.policy_cursor SET (tx_id, ordinal) = ($2::xid8, 0) WHERE policy_id = $1',
      [to.id, '3'],
    );

  describe('reactions', () => {
    it('every span behind the policy gets its reaction, in feed order, and none twice', async () => {
      await orders(3, { this: 'before the policy' });
      await policy(ECHO);
      const posted = await orders(250);
      assert.equal((await tick()).reactions, 250);
      assert.equal((await tick()).reactions, 0);
      const more = await orders(2);
      await tick();
      assert.deepEqual(await echoes(), thisOf([...posted, ...more]));
    });

    it('none twice across a restart, and none twice when a tick dies before its cursor moves', async () => {
      // Answers otherwise each time it is asked, in content and in number.
      const fickle = `function on(span) {
        if (span.entity_type !== 'order') return [];
        const emit = (name, n) => ({ type: 'emit', span: { entity_type: 'echo', who: 'p', this: name, metadata: { n } } });
        const n = span.this < 'order 2' ? 0 : Math.random();
        return Math.random() < 0.5 ? [emit(span.this, n)] : [emit(span.this, n), emit('second', n)];
      }`;
      const first = await policy(fickle);
      const posted = await orders(40);
      await tick();
      const before = await alice.list('entity_type=echo&order=feed');
      const restarted = await createTestKernels({ database: kernels.database, key: kernels.key });
      try {
        await rewind(first);
        assert.ok(((await tick(restarted)).evaluated ?? 0) >= 40);
        await rewind(first);
        await Promise.all([restarted.host.run('policy_agent', null), kernels.host.run('policy_agent', null)]);
      } finally {
        await restarted.close();
      }
      const after = await alice.list('entity_type=echo&order=feed');
      assert.deepEqual(after, before);
      assert.deepEqual(
        [...new Set(thisOf(after))].filter((text) => text !== 'second'),
        thisOf(posted),
      );
      assert.deepEqual(await errorsOf(), []);
    });

    it('a request action is a scheduled request of the owner, and runs', async () => {
      const fn = await alice.post({
        entity_type: 'function',
        name: 'double',
        code: 'function main(ctx, input) { return input.n * 2; }',
      });
      const rule = await policy(
        `const on = (span) => span.entity_type === 'order' ? [{ type: 'request', function_id: '${fn.id}', input: { n: 21 } }] : undefined;`,
      );
      const [order] = await orders(1, { trace_id: 'trace-1', visibility: 'tenant' });
      assert.ok(order);
      await tick();
      const [request] = await alice.list('entity_type=request');
      assert.ok(request);
      assert.equal(request.status, 'scheduled');
      assert.equal(request.parent_id, fn.id);
      assert.deepEqual(request.related_to, [fn.id, rule.id, order.id]);
      assert.deepEqual(request.input, { n: 21 });
      assert.equal(request.trace_id, 'trace-1');
      assert.equal(request.visibility, 'private', 'the narrower of policy and trigger');
      await kernels.tick('request_worker');
      const [execution] = await alice.list('entity_type=execution');
      assert.equal(execution?.output, 42);
      assert.equal((await alice.latest(request.id)).status, 'complete');
    });

    it('a list of actions is appended whole, each span as the owner of the policy', async () => {
      await policy(`async function on(span) {
        if (span.entity_type !== 'order') return;
        return ['a', 'b', 'c'].map((name) => ({ type: 'emit', span: { entity_type: 'echo', who: 'p', this: name, visibility: 'tenant' } }));
      }`);
      await orders(1);
      await tick();
      const spans = await alice.list('entity_type=echo&order=feed');
      assert.deepEqual(thisOf(spans), ['a', 'b', 'c']);
      assert.ok(
        spans.every((span) => span.owner_id === 'alice' && span.visibility === 'tenant' && span.seq === 0),
      );
    });

    it('each span meets fresh top-level variables, also when many share a run of the sandbox', async () => {
      await policy(`let seen = 0; globalThis.kept ??= [];
        function on(span) {
          if (span.entity_type !== 'order') return;
          seen += 1;
          return { type: 'emit', span: { entity_type: 'echo', who: 'p', this: String(seen) } };
        }`);
      await orders(5);
      await tick();
      assert.deepEqual(await echoes(), ['1', '1', '1', '1', '1']);
    });

    it('a module with an exported on works too', async () => {
      await policy(`export ${ECHO}`);
      await orders(3);
      await tick();
      assert.equal((await echoes()).length, 3);
    });
  });

  describe('what a policy is shown', () => {
    const SHOW = `function on(span) {
      if (span.entity_type !== 'order') return;
      return { type: 'emit', span: { entity_type: 'echo', who: 'p', this: span.this } };
    }`;

    it('spans that its owner may read, of its own tenant only; foreign public ones are passed over for good', async () => {
      const rule = await policy(SHOW);
      const bob = await posterOf(kernels, 'bob', `tenant-${tenants}`);
      const mallory = await posterOf(kernels, 'alice', 'elsewhere');
      await bob.post({ entity_type: 'order', this: 'private of bob' });
      await bob.post({ entity_type: 'order', this: 'shared by bob', visibility: 'tenant' });
      await mallory.post({ entity_type: 'order', this: 'public of a stranger', visibility: 'public' });
      await alice.post({ entity_type: 'order', this: 'own' });
      const foreign = await mallory.post({ entity_type: 'order', this: 'last', visibility: 'public' });
      assert.equal((await tick()).evaluated, 2);
      assert.deepEqual(await echoes(), ['shared by bob', 'own']);
      const { rows } = await kernels.pool.pool.query(
        `SELECT (c.tx_id, c.ordinal) >= (r.tx_id, r.ordinal) AS passed
         FROM app.policy_cursor c, (SELECT set_config('app.user_id', '', false)) AS nobody,
              ledger.universal_registry r WHERE c.policy_id = $1 AND r.id = $2`,
        [rule.id, foreign.id],
      );
      assert.deepEqual(rows, [{ passed: true }]);
    });

    it('not what it emitted itself, so that a policy that emits what triggers it ends', async () => {
      await policy(
        `const on = (span) => ({ type: 'emit', span: { entity_type: 'order', who: 'p', this: 'again', status: 'made' } });`,
      );
      await orders(2);
      for (let round = 0; round < 4; round += 1) await tick();
      assert.equal((await alice.list('entity_type=order&owner_id=alice&status=made')).length, 2);
    });

    it('later versions of what it emitted, which are somebody else’s doing', async () => {
      await policy(`const on = (span) => span.entity_type === 'order' || span.seq > 0
        ? { type: 'emit', span: { entity_type: 'echo', who: 'p', this: span.seq + ' ' + span.status, status: 'new' } } : null;`);
      await orders(1);
      await tick();
      const [emitted] = await alice.list('entity_type=echo');
      assert.ok(emitted);
      await alice.revise(emitted, { status: 'changed' });
      await tick();
      await tick();
      assert.deepEqual((await echoes()).sort(), ['0 undefined', '0 undefined', '1 changed'].sort());
    });

    it('nothing while it is paused, nothing of the pause once it goes on, nothing after its deletion', async () => {
      const rule = await policy(SHOW);
      await orders(1, { this: 'active' });
      await tick();
      const paused = await alice.revise(rule, { status: 'paused' });
      await orders(1, { this: 'paused' });
      assert.equal((await tick()).evaluated, 0);
      const resumed = await alice.revise(paused, { status: 'active' });
      await orders(1, { this: 'resumed' });
      await tick();
      await alice.revise(resumed, { is_deleted: true });
      await orders(1, { this: 'deleted' });
      assert.equal((await tick()).evaluated, 0);
      assert.deepEqual(await echoes(), ['active', 'resumed']);
    });

    it('its newest version judges, from where the one before stopped', async () => {
      const rule = await policy(SHOW);
      await orders(1, { this: 'old' });
      await tick();
      await alice.revise(rule, { code: SHOW.replace('span.this }', `'new ' + span.this }`) });
      await orders(1, { this: 'one' });
      await tick();
      assert.deepEqual(await echoes(), ['old', 'new one']);
    });
  });

  describe('policies that fail', () => {
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
      it(`${name}: one policy_error for each span, the others go on, and it is left behind`, async () => {
        const broken = await policy(code);
        await policy(ECHO);
        const posted = await orders(2);
        await settle();
        const errors = await errorsOf();
        // Parsing and a missing entry fail for whatever is shown, the echoes included.
        const own = errors.filter((one) => posted.some(({ id }) => one.related_to?.includes(id)));
        assert.equal(own.length, 2, JSON.stringify(errors.map(({ error }) => error)));
        for (const one of own) {
          assert.match(JSON.stringify(one.error), expected);
          assert.equal(one.parent_id, broken.id);
          assert.equal(one.who, 'policy_agent');
        }
        assert.deepEqual(await echoes(), thisOf(posted));
      }).timeout(120_000);
    }

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
        await policy(order(action));
        await policy(ECHO);
        await orders(2);
        await tick();
        const errors = await errorsOf();
        assert.equal(errors.length, 2);
        for (const { error } of errors) assert.match(JSON.stringify(error), message);
        assert.deepEqual(await alice.list('entity_type=x'), []);
        assert.equal((await echoes()).length, 2);
      });
    }

    it('one span that kills does not take the reactions to the others with it', async () => {
      await policy(ECHO.replace('return {', `if (span.this === 'order 7') for (;;);\n return {`));
      await orders(20);
      await settle();
      assert.equal((await echoes()).length, 19);
      assert.equal((await errorsOf()).length, 1);
    }).timeout(120_000);

    it('policies that all fail on each other’s errors do not multiply them', async () => {
      const broken = 'function on() { throw new Error("always"); }';
      for (let index = 0; index < 3; index += 1) await policy(broken);
      await orders(1);
      for (let round = 0; round < 5; round += 1) await tick();
      const errors = await errorsOf();
      // Each fails on the order and on the policies posted after it; none on an error.
      const kinds = await Promise.all(
        errors.map(async ({ metadata }) => {
          const { trigger_id } = metadata as { readonly trigger_id: string };
          return (await alice.latest(trigger_id)).entity_type;
        }),
      );
      assert.deepEqual(kinds.sort(), ['order', 'order', 'order', 'policy', 'policy', 'policy']);
    });

    it('an error shows no more than both the policy and the span that it failed on', async () => {
      await policy('function on(span) { throw new Error(span.this); }', { visibility: 'public' });
      const secret = await alice.post({ entity_type: 'order', this: 'secret' });
      await tick();
      const [error] = await alice.list(`entity_type=policy_error&related_to=${secret.id}`);
      assert.equal(error?.visibility, 'private');
    });

    it('a policy that was tampered with is not run, and says so once', async () => {
      const rule = await policy(ECHO);
      await tamper(kernels.database, rule.id, { code: ECHO.replace('span.this', '"forged"') });
      await orders(2);
      await tick();
      await tick();
      assert.deepEqual(await echoes(), []);
      const errors = await errorsOf();
      assert.equal(errors.length, 1);
      assert.match(JSON.stringify(errors[0]?.error), /does not verify/);
    });
  });

  describe('chains', () => {
    it('policies that feed each other end after eight reactions, with an error', async () => {
      const when = (type: string, next: string) =>
        `const on = (span) => span.entity_type === '${type}' ? { type: 'emit', span: { entity_type: '${next}', who: 'p', this: 'x' } } : null;`;
      await policy(when('ping', 'pong'));
      await policy(when('pong', 'ping'));
      await alice.post({ entity_type: 'ping' });
      for (let round = 0; round < 12; round += 1) await tick();
      const count = async (type: string) => (await alice.list(`entity_type=${type}`)).length;
      assert.deepEqual([await count('ping'), await count('pong')], [5, 4]);
      const errors = await errorsOf();
      assert.equal(errors.length, 1);
      assert.match(JSON.stringify(errors[0]?.error), /chain_limit/);
    }).timeout(60_000);

    it('a policy that asks for a run on every run ends the same way', async () => {
      const fn = await alice.post({
        entity_type: 'function',
        name: 'f',
        code: 'function main() { return 1; }',
      });
      await policy(
        `const on = (span) => span.entity_type === 'execution' || span.entity_type === 'order' ? { type: 'request', function_id: '${fn.id}' } : null;`,
      );
      await orders(1);
      for (let round = 0; round < 12; round += 1) {
        await tick();
        await kernels.tick('request_worker');
      }
      assert.equal((await alice.list('entity_type=execution')).length, 8);
      assert.match(JSON.stringify((await errorsOf()).map(({ error }) => error)), /chain_limit/);
    }).timeout(60_000);
  });

  it('policies that use up their time do not keep other tenants waiting beyond the tick', async () => {
    for (let index = 0; index < 6; index += 1) await policy('function on() { for (;;); }');
    await orders(30);
    const others = await Promise.all(['x', 'y', 'z'].map((user) => posterOf(kernels, user, `quiet-${user}`)));
    for (const other of others) await other.post({ entity_type: 'policy', code: ECHO });
    for (const other of others) await other.post({ entity_type: 'order', this: 'quiet' });
    await kernels.host.run('policy_agent', null, { timeoutMs: 16_000 });
    for (const other of others) assert.deepEqual(thisOf(await other.list('entity_type=echo')), ['quiet']);
  }).timeout(60_000);
});

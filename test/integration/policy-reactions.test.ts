import assert from 'node:assert/strict';
import type { SignedSpan } from '../../runtime/base/span';
import { ECHO, PolicySuite, thisOf } from '../support/policy-suite';
import { posterOf } from '../support/poster';
import { createTestKernels } from '../support/test-kernels';

describe('policies', () => {
  const suite = PolicySuite.use();

  /** Resets a policy's cursor, as if the tick had died before it moved. */
  const rewind = (to: SignedSpan) =>
    suite.kernels.look('UPDATE app.policy_cursor SET (tx_id, ordinal) = ($2::xid8, 0) WHERE policy_id = $1', [
      to.id,
      '3',
    ]);

  describe('reactions', () => {
    it('every span behind the policy gets its reaction, in feed order, and none twice', async () => {
      await suite.orders(3, { this: 'before the policy' });
      await suite.policy(ECHO);
      const posted = await suite.orders(250);
      assert.equal((await suite.tick()).reactions, 250);
      assert.equal((await suite.tick()).reactions, 0);
      const more = await suite.orders(2);
      await suite.tick();
      assert.deepEqual(await suite.echoes(), thisOf([...posted, ...more]));
    });

    it('none twice across a restart, and none twice when a tick dies before its cursor moves', async () => {
      // Returns different actions on each call, in content and number.
      const fickle = `function on(span) {
        if (span.entity_type !== 'order') return [];
        const emit = (name, n) => ({ type: 'emit', span: { entity_type: 'echo', who: 'p', this: name, metadata: { n } } });
        const n = span.this < 'order 2' ? 0 : Math.random();
        return Math.random() < 0.5 ? [emit(span.this, n)] : [emit(span.this, n), emit('second', n)];
      }`;
      const first = await suite.policy(fickle);
      const posted = await suite.orders(40);
      await suite.tick();
      const before = await suite.alice.list('entity_type=echo&order=feed');
      const restarted = await createTestKernels({ database: suite.kernels.database, key: suite.kernels.key });
      try {
        await rewind(first);
        assert.ok(((await suite.tick(restarted)).evaluated ?? 0) >= 40);
        await rewind(first);
        await Promise.all([
          restarted.host.run('policy_agent', null),
          suite.kernels.host.run('policy_agent', null),
        ]);
      } finally {
        await restarted.close();
      }
      const after = await suite.alice.list('entity_type=echo&order=feed');
      assert.deepEqual(after, before);
      assert.deepEqual(
        [...new Set(thisOf(after))].filter((text) => text !== 'second'),
        thisOf(posted),
      );
      assert.deepEqual(await suite.errors(), []);
    });

    it('a request action is a scheduled request of the owner, and runs', async () => {
      const fn = await suite.alice.post({
        entity_type: 'function',
        name: 'double',
        code: 'function main(ctx, input) { return input.n * 2; }',
      });
      const rule = await suite.policy(
        `const on = (span) => span.entity_type === 'order' ? [{ type: 'request', function_id: '${fn.id}', input: { n: 21 } }] : undefined;`,
      );
      const [order] = await suite.orders(1, { trace_id: 'trace-1', visibility: 'tenant' });
      assert.ok(order);
      await suite.tick();
      const [request] = await suite.alice.list('entity_type=request');
      assert.ok(request);
      assert.equal(request.status, 'scheduled');
      assert.equal(request.parent_id, fn.id);
      assert.deepEqual(request.related_to, [fn.id, rule.id, order.id]);
      assert.deepEqual(request.input, { n: 21 });
      assert.equal(request.trace_id, 'trace-1');
      assert.equal(request.visibility, 'private', 'the narrower of policy and trigger');
      await suite.kernels.tick('request_worker');
      const [execution] = await suite.alice.list('entity_type=execution');
      assert.equal(execution?.output, 42);
      assert.equal((await suite.alice.latest(request.id)).status, 'complete');
    });

    it('a list of actions is appended whole, each span as the owner of the policy', async () => {
      await suite.policy(`async function on(span) {
        if (span.entity_type !== 'order') return;
        return ['a', 'b', 'c'].map((name) => ({ type: 'emit', span: { entity_type: 'echo', who: 'p', this: name, visibility: 'tenant' } }));
      }`);
      await suite.orders(1);
      await suite.tick();
      const spans = await suite.alice.list('entity_type=echo&order=feed');
      assert.deepEqual(thisOf(spans), ['a', 'b', 'c']);
      assert.ok(
        spans.every((span) => span.owner_id === 'alice' && span.visibility === 'tenant' && span.seq === 0),
      );
    });

    it('each span meets fresh top-level variables, also when many share a run of the sandbox', async () => {
      await suite.policy(`let seen = 0; globalThis.kept ??= [];
        function on(span) {
          if (span.entity_type !== 'order') return;
          seen += 1;
          return { type: 'emit', span: { entity_type: 'echo', who: 'p', this: String(seen) } };
        }`);
      await suite.orders(5);
      await suite.tick();
      assert.deepEqual(await suite.echoes(), ['1', '1', '1', '1', '1']);
    });

    it('a module with an exported on works too', async () => {
      await suite.policy(`export ${ECHO}`);
      await suite.orders(3);
      await suite.tick();
      assert.equal((await suite.echoes()).length, 3);
    });
  });

  describe('what a policy sees', () => {
    const SHOW = `function on(span) {
      if (span.entity_type !== 'order') return;
      return { type: 'emit', span: { entity_type: 'echo', who: 'p', this: span.this } };
    }`;

    it('spans of its tenant that its owner may read, and no public ones of other tenants', async () => {
      const rule = await suite.policy(SHOW);
      const bob = await posterOf(suite.kernels, 'bob', suite.tenant);
      const mallory = await posterOf(suite.kernels, 'alice', 'elsewhere');
      await bob.post({ entity_type: 'order', this: 'private of bob' });
      await bob.post({ entity_type: 'order', this: 'shared by bob', visibility: 'tenant' });
      await mallory.post({ entity_type: 'order', this: 'public of a stranger', visibility: 'public' });
      await suite.alice.post({ entity_type: 'order', this: 'own' });
      const foreign = await mallory.post({ entity_type: 'order', this: 'last', visibility: 'public' });
      assert.equal((await suite.tick()).evaluated, 2);
      assert.deepEqual(await suite.echoes(), ['shared by bob', 'own']);
      const { rows } = await suite.kernels.look(
        `SELECT (c.tx_id, c.ordinal) >= (r.tx_id, r.ordinal) AS passed
         FROM app.policy_cursor c,
              ledger.universal_registry r WHERE c.policy_id = $1 AND r.id = $2`,
        [rule.id, foreign.id],
      );
      assert.deepEqual(rows, [{ passed: true }]);
    });

    it('no emissions of its own, so that a policy cannot trigger itself for ever', async () => {
      await suite.policy(
        `const on = (span) => ({ type: 'emit', span: { entity_type: 'order', who: 'p', this: 'again', status: 'made' } });`,
      );
      await suite.orders(2);
      for (let round = 0; round < 4; round += 1) await suite.tick();
      assert.equal((await suite.alice.list('entity_type=order&owner_id=alice&status=made')).length, 2);
    });

    it('later versions of its emissions, which others append', async () => {
      await suite.policy(`const on = (span) => span.entity_type === 'order' || span.seq > 0
        ? { type: 'emit', span: { entity_type: 'echo', who: 'p', this: span.seq + ' ' + span.status, status: 'new' } } : null;`);
      await suite.orders(1);
      await suite.tick();
      const [emitted] = await suite.alice.list('entity_type=echo');
      assert.ok(emitted);
      await suite.alice.revise(emitted, { status: 'changed' });
      await suite.tick();
      await suite.tick();
      assert.deepEqual(
        [...(await suite.echoes())].sort(),
        ['0 undefined', '0 undefined', '1 changed'].sort(),
      );
    });

    it('nothing while it is paused, nothing of the pause after it resumes, nothing after its deletion', async () => {
      const rule = await suite.policy(SHOW);
      await suite.orders(1, { this: 'active' });
      await suite.tick();
      const paused = await suite.alice.revise(rule, { status: 'paused' });
      await suite.orders(1, { this: 'paused' });
      assert.equal((await suite.tick()).evaluated, 0);
      const resumed = await suite.alice.revise(paused, { status: 'active' });
      await suite.orders(1, { this: 'resumed' });
      await suite.tick();
      await suite.alice.revise(resumed, { is_deleted: true });
      await suite.orders(1, { this: 'deleted' });
      assert.equal((await suite.tick()).evaluated, 0);
      assert.deepEqual(await suite.echoes(), ['active', 'resumed']);
    });

    it('its newest version judges, from where the one before stopped', async () => {
      const rule = await suite.policy(SHOW);
      await suite.orders(1, { this: 'old' });
      await suite.tick();
      await suite.alice.revise(rule, { code: SHOW.replace('span.this }', `'new ' + span.this }`) });
      await suite.orders(1, { this: 'one' });
      await suite.tick();
      assert.deepEqual(await suite.echoes(), ['old', 'new one']);
    });
  });

  describe('chains', () => {
    it('policies that feed each other end after eight reactions, with an error', async () => {
      const when = (type: string, next: string) =>
        `const on = (span) => span.entity_type === '${type}' ? { type: 'emit', span: { entity_type: '${next}', who: 'p', this: 'x' } } : null;`;
      await suite.policy(when('ping', 'pong'));
      await suite.policy(when('pong', 'ping'));
      await suite.alice.post({ entity_type: 'ping' });
      for (let round = 0; round < 12; round += 1) await suite.tick();
      const count = async (type: string) => (await suite.alice.list(`entity_type=${type}`)).length;
      assert.deepEqual([await count('ping'), await count('pong')], [5, 4]);
      const errors = await suite.errors();
      assert.equal(errors.length, 1);
      assert.match(JSON.stringify(errors[0]?.error), /chain_limit/);
    }).timeout(60_000);

    it('a policy that asks for a run on every run ends the same way', async () => {
      const fn = await suite.alice.post({
        entity_type: 'function',
        name: 'f',
        code: 'function main() { return 1; }',
      });
      await suite.policy(
        `const on = (span) => span.entity_type === 'execution' || span.entity_type === 'order' ? { type: 'request', function_id: '${fn.id}' } : null;`,
      );
      await suite.orders(1);
      for (let round = 0; round < 12; round += 1) {
        await suite.tick();
        await suite.kernels.tick('request_worker');
      }
      assert.equal((await suite.alice.list('entity_type=execution')).length, 8);
      assert.match(JSON.stringify((await suite.errors()).map(({ error }) => error)), /chain_limit/);
    }).timeout(60_000);
  });
});

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { objectOf } from '../../runtime/kernels/json';
import { KeyRing } from '../../runtime/ledger/keys/key-ring';
import { stableId, stableIdSalt } from '../../runtime/ledger/stable-id';
import { HELLO, openProviderWorld, type ProviderWorld } from '../support/provider-world';

describe('requests to providers', () => {
  let world: ProviderWorld;
  before(async () => {
    world = await openProviderWorld();
  });
  beforeEach(() => world.server.reset());
  after(() => world.close());

  describe('on request', () => {
    it('runs through the queue like a function, and its record is tied to the request', async () => {
      const { id } = await world.append(world.ollama());
      const queued = await world.execute({ provider_id: id, input: HELLO }, world.alice, {
        prefer: 'respond-async',
      });
      assert.equal(queued.status, 202, JSON.stringify(queued.body));
      await world.kernels.tick('request_worker');
      const { body } = await world.kernels.call(`/api/spans/${queued.body.request.id}`, {
        token: world.alice,
      });
      assert.equal(body.span.status, 'complete', JSON.stringify(body.span));
      assert.equal(body.span.output.text, 'You said: Hello');
      const [span, ...others] = await world.executionsOf(id);
      assert.deepEqual(span?.related_to, [id, queued.body.request.id]);
      assert.equal(others.length, 0);
    });

    it('carries the trace of traceparent through request, run and the call of the service', async () => {
      const { id } = await world.append(world.ollama());
      const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
      const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01` };
      const { body } = await world.execute({ provider_id: id, input: HELLO }, world.alice, headers);
      assert.equal(body.execution.trace_id, trace);
      const queued = await world.execute({ provider_id: id, input: HELLO }, world.alice, {
        ...headers,
        prefer: 'respond-async',
      });
      assert.equal(queued.body.request.trace_id, trace);
      await world.kernels.tick('request_worker');
      const executions = await world.executionsOf(id);
      assert.deepEqual(
        executions.map((span) => span.trace_id),
        [trace, trace],
      );
      const sent = world.server.requests.map((request) => String(request.headers.traceparent));
      assert.equal(sent.length, 2);
      for (const one of sent) assert.match(one, new RegExp(`^00-${trace}-(?!00f067aa)[0-9a-f]{16}-01$`));
    });

    it('never calls twice for one attempt of one request', async () => {
      const { id } = await world.append(world.ollama());
      const event = {
        provider_id: id,
        input: HELLO,
        request_id: '018f3f4e-0000-7000-8000-000000000001',
        attempt: 1,
      };
      const first = await world.invoke(event);
      const second = await world.invoke(event);
      assert.ok(first.ok);
      assert.deepEqual(second, first);
      assert.equal(world.server.requests.length, 1);
      const next = await world.invoke({ ...event, attempt: 2 });
      assert.notEqual(next.execution?.id, first.execution?.id);
      assert.equal((await world.executionsOf(id)).length, 2);
      const keys = world.server.requests.map(({ headers }) => headers['idempotency-key']);
      assert.equal(keys[0], keys[1], 'the service can tell that it is one request');
    });

    it('returns a recorded error as the same error', async () => {
      const { id } = await world.append(world.ollama({ model: 'missing' }));
      const event = {
        provider_id: id,
        input: HELLO,
        request_id: '018f3f4e-0000-7000-8000-000000000002',
        attempt: 1,
      };
      const first = await world.invoke(event);
      assert.ok(!first.ok);
      assert.deepEqual(await world.invoke(event), first);
      assert.equal(world.server.requests.length, 1);
    });

    it('leaves one record of an attempt that two workers make at once', async () => {
      const { id } = await world.append(world.ollama());
      const event = {
        provider_id: id,
        input: HELLO,
        request_id: '018f3f4e-0000-7000-8000-000000000003',
        attempt: 1,
      };
      const [one, other] = await Promise.all([world.invoke(event), world.invoke(event)]);
      assert.ok(one.ok && other.ok);
      assert.equal(one.execution?.id, other.execution?.id);
      assert.equal((await world.executionsOf(id)).length, 1);
    });

    it("is kept apart from another tenant's that names the same request", async () => {
      const request_id = '018f3f4e-0000-7000-8000-000000000004';
      const mallory = await world.token('mallory', 'globex');
      const theirs = await world.append(world.ollama(), {}, mallory);
      assert.ok(
        (
          await world.invoke(
            { provider_id: theirs.id, input: HELLO, request_id, attempt: 1 },
            'mallory',
            'globex',
          )
        ).ok,
      );
      const { id } = await world.append(world.ollama());
      const outcome = await world.invoke({ provider_id: id, input: HELLO, request_id, attempt: 1 });
      assert.ok(outcome.ok, JSON.stringify(outcome));
      assert.equal(outcome.execution?.owner_id, 'alice');
      assert.equal(world.server.requests.length, 2);
    });

    for (const visibility of ['public', 'private'] as const) {
      it(`is neither answered nor blocked by another tenant's ${visibility} span with the id of its record`, async () => {
        const request_id = randomUUID();
        const forged = {
          id: stableId(
            stableIdSalt(new KeyRing([world.kernels.key])),
            'provider_execution',
            'acme',
            'alice',
            request_id,
            '1',
          ),
          entity_type: 'provider_execution',
          status: 'complete',
          output: { text: 'forged' },
          visibility,
        };
        await world.append({}, forged, await world.token('mallory', 'globex'));
        const { id } = await world.append(world.ollama());
        const outcome = await world.invoke({ provider_id: id, input: HELLO, request_id, attempt: 1 });
        assert.ok(outcome.ok, JSON.stringify(outcome));
        assert.equal(objectOf(outcome.result).text, 'You said: Hello');
        assert.equal((await world.executionsOf(id)).length, 1);
      });
    }
  });

  it('counts against the daily quota of the tenant', async () => {
    const poor = await world.token('paul', 'small');
    const { id } = await world.append(world.ollama(), {}, poor);
    await world.kernels.changeManifest({ throttle: { per_tenant_daily_exec_limit: 2 } });
    try {
      const statuses = [];
      for (let run = 0; run < 4; run += 1)
        statuses.push((await world.execute({ provider_id: id, input: HELLO }, poor)).status);
      assert.deepEqual(statuses, [200, 200, 429, 429]);
      assert.equal(world.server.requests.length, 2);
      const { headers } = await world.execute({ provider_id: id, input: HELLO }, poor);
      assert.ok(Number(headers.get('retry-after')) > 0);
      const violations = await world.kernels.call('/api/timeline?entity_type=policy_violation', {
        token: poor,
      });
      assert.equal(violations.body.count, 1);
      assert.equal((await world.executionsOf(id, poor)).length, 2);
    } finally {
      await world.kernels.changeManifest({ throttle: { per_tenant_daily_exec_limit: 1_000 } });
    }
  });

  it('is refused once runs have used up the processor time of the day, and adds nothing to it', async () => {
    const busy = await world.token('bea', 'busy');
    const { id } = await world.append(world.ollama(), {}, busy);
    const code = 'function main() { for (let i = 0; i < 2e6; i += 1); }';
    const fn = await world.append({}, { entity_type: 'function', code }, busy);
    const called = async () => (await world.execute({ provider_id: id, input: HELLO }, busy)).status;
    const cpuMs = async () => {
      const { rows } = await world.kernels.look(
        "SELECT cpu_ms FROM app.execution_quota WHERE tenant_id = 'busy'",
      );
      return rows[0]?.cpu_ms;
    };
    await world.kernels.changeManifest({ throttle: { per_tenant_daily_cpu_ms: 1 } });
    try {
      assert.equal(await called(), 200);
      assert.equal(await cpuMs(), 0);
      assert.equal(
        (await world.kernels.call(`/api/execute/${fn.id}`, { token: busy, body: {} })).status,
        200,
      );
      assert.ok((await cpuMs()) >= 1);
      assert.equal(await called(), 429);
      assert.equal(world.server.requests.length, 1);
    } finally {
      await world.kernels.changeManifest({ throttle: {} });
    }
  });
});

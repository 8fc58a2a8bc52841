import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createOutgoingHttp } from '../../runtime/kernels/outgoing-http';
import { objectOf } from '../../runtime/kernels/provider';
import { KERNEL_IDS } from '../../runtime/kernels/stable-ids';
import type { JsonValue, Span } from '../../runtime/ledger/span';
import { verifySpan } from '../../runtime/ledger/span-signature';
import { stableId } from '../../runtime/ledger/stable-id';
import { GOOD_KEY, type ProviderServer, startProviderServer } from '../support/provider-server';
import { withClient } from '../support/sql-session';
import { tamper } from '../support/tamper';
import { createTestKernels, type TestKernels } from '../support/test-kernels';
import type { Answer } from '../support/test-stage0';

const HELLO = { prompt: 'Hello' };
const WRONG_KEY = 'sk-wrong-51b0c7';
/** The secret store of these tests. */
const KEYS = new Map([
  ['acme/good', GOOD_KEY],
  ['acme/wrong', WRONG_KEY],
  ['system/good', GOOD_KEY],
]);

describe('provider_exec', () => {
  let server: ProviderServer;
  let kernels: TestKernels;
  let at: string;
  let alice: string;

  before(async () => {
    server = await startProviderServer();
    at = `http://127.0.0.1:${server.port}`;
    kernels = await createTestKernels({
      fetch: createOutgoingHttp({ resolve: async () => [{ address: '169.254.169.254', family: 4 }] }),
      secrets: { get: async (name) => KEYS.get(name) },
    });
    await kernels.changeManifest({ provider: { hosts: [`127.0.0.1:${server.port}`, 'api.example.com'] } });
    alice = await kernels.token('alice', 'acme');
  });
  beforeEach(() => server.reset());
  after(async () => {
    await kernels.close();
    await server.close();
  });

  /** Appends a provider span. */
  async function append(
    metadata: object,
    more: Partial<Span> = {},
    token = alice,
  ): Promise<Span & { id: string }> {
    const { status, body } = await kernels.call('/api/spans', {
      token,
      body: {
        entity_type: 'provider',
        who: 'alice',
        this: 'a provider',
        name: 'assistant',
        metadata,
        ...more,
      },
    });
    assert.equal(status, 201, JSON.stringify(body));
    return body.span;
  }

  const openai = (more: object = {}): object => ({
    kind: 'openai',
    base_url: `${at}/v1`,
    model: 'gpt-4.1',
    secret: 'good',
    ...more,
  });
  const ollama = (more: object = {}): object => ({
    kind: 'ollama',
    base_url: at,
    model: 'llama3.2',
    ...more,
  });

  /** `POST /api/execute/{provider_exec}`. */
  const execute = (input: object, token = alice, headers: Record<string, string> = {}): Promise<Answer> =>
    kernels.call(`/api/execute/${KERNEL_IDS.provider_exec}`, { token, body: { input }, headers });

  async function executionsOf(providerId: string, token = alice): Promise<readonly Span[]> {
    const { body } = await kernels.call(
      `/api/timeline?entity_type=provider_execution&related_to=${providerId}`,
      { token },
    );
    return body.spans;
  }

  /** Starts the kernel as the request worker does. */
  const invoke = (event: JsonValue, user = 'alice', tenant = 'acme') =>
    kernels.host.invoke('provider_exec', { user, tenant }, event);

  describe('the kinds', () => {
    it('openai: chat completions', async () => {
      const { id } = await append(openai({ parameters: { temperature: 0 } }));
      const { status, body } = await execute({ provider_id: id, input: HELLO });
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(body.result, {
        text: 'You said: Hello',
        model: 'gpt-4.1-2025-04-14',
        usage: { input_tokens: 19, output_tokens: 10, total_tokens: 29 },
        finish_reason: 'stop',
      });
      const [request] = server.requests;
      assert.equal(request?.path, '/v1/chat/completions');
      assert.equal(request?.headers.authorization, `Bearer ${GOOD_KEY}`);
      assert.equal(request?.body.temperature, 0);
    });

    it('anthropic: messages', async () => {
      const { id } = await append({
        kind: 'anthropic',
        base_url: at,
        model: 'claude-sonnet-4-5',
        secret: 'good',
      });
      const { status, body } = await execute({ provider_id: id, input: { ...HELLO, system: 'Be brief.' } });
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(body.result, {
        text: 'You said: Hello',
        model: 'claude-sonnet-4-5',
        usage: { input_tokens: 2060, output_tokens: 503, total_tokens: 2563 },
        finish_reason: 'stop',
      });
      assert.equal(server.requests[0]?.body.system, 'Be brief.');
    });

    it('ollama: chat', async () => {
      const { id } = await append(ollama());
      const messages = [
        { role: 'user', content: 'One' },
        { role: 'assistant', content: 'Two' },
        { role: 'user', content: 'Three' },
      ];
      const { status, body } = await execute({ provider_id: id, input: { messages } });
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(body.result, {
        text: 'You said: Three',
        model: 'llama3.2',
        usage: { input_tokens: 26, output_tokens: 298, total_tokens: 324 },
        finish_reason: 'stop',
      });
    });

    it('http: whatever the templates make of the input', async () => {
      const metadata = {
        kind: 'http',
        base_url: at,
        method: 'PUT',
        path: '/rooms/{{input.room}}',
        body: { to: '{{input.to}}' },
      };
      const { id } = await append({ ...metadata, secret: 'good', headers: { 'X-Auth-Token': '{{secret}}' } });
      const { status, body } = await execute({ provider_id: id, input: { room: 'a b', to: [1] } });
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.result.status, 200);
      assert.equal(body.result.body.path, '/rooms/a%20b');
      assert.deepEqual(body.result.body.body, { to: [1] });
      assert.equal(server.requests[0]?.headers['x-auth-token'], GOOD_KEY);
      assert.equal(
        body.result.body.headers['x-auth-token'],
        '[secret]',
        'what the service echoes is cleaned',
      );
    });
  });

  it('records one signed provider_execution span for a call', async () => {
    const provider = await append(ollama());
    const { body } = await execute({ provider_id: provider.id, input: HELLO });
    const spans = await executionsOf(provider.id);
    assert.deepEqual(spans, [body.execution]);
    const [span] = spans;
    assert.deepEqual(verifySpan(span ?? {}, { trustedKeys: new Set([kernels.key.publicKeyHex]) }), {
      ok: true,
    });
    assert.equal(span?.status, 'complete');
    assert.equal(span.who, 'provider_exec');
    assert.equal(span.owner_id, 'alice');
    assert.equal(span.visibility, 'private');
    assert.equal(span.parent_id, provider.id);
    assert.deepEqual(span.related_to, [provider.id]);
    assert.deepEqual(span.input, HELLO);
    assert.deepEqual(span.output, body.result);
    assert.ok(Number.isInteger(span.duration_ms));
    assert.match(span.trace_id ?? '', /^[0-9a-f]{32}$/);
    assert.deepEqual(span.metadata, {
      provider_id: provider.id,
      provider_seq: 0,
      kind: 'ollama',
      model: 'llama3.2',
      host: `127.0.0.1:${server.port}`,
      attempts: 1,
      http_status: 200,
      usage: body.result.usage,
    });
  });

  it('tries again when the service says so, and says how often it did', async () => {
    const { id } = await append(ollama());
    server.next(
      { kind: 'status', status: 429, headers: { 'retry-after-ms': '1' } },
      { kind: 'status', status: 500, headers: { 'retry-after-ms': '1' } },
    );
    const { status, body } = await execute({ provider_id: id, input: HELLO });
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.execution.metadata.attempts, 3);
    assert.equal(server.requests.length, 3);
  });

  describe('a call that fails', () => {
    it('ends as the error of a function, with the words of the service', async () => {
      const { id } = await append(ollama({ model: 'missing' }));
      const { status, body } = await execute({ provider_id: id, input: HELLO });
      assert.equal(status, 422, JSON.stringify(body));
      assert.deepEqual(body.error, {
        reason: 'http_status',
        http_status: 404,
        detail: 'model "missing" not found, try pulling it first',
      });
      const [span] = await executionsOf(id);
      assert.equal(span?.status, 'error');
      assert.equal(span.output, undefined);
    });

    const CASES = [
      ['slow', { kind: 'silent' }, 503, 'timeout'],
      ['truncated', { kind: 'truncated' }, 503, 'truncated'],
      ['hung up', { kind: 'hangs_up' }, 503, 'unreachable'],
      [
        'busy with Retry-After',
        { kind: 'status', status: 429, headers: { 'retry-after': '120' } },
        503,
        'http_status',
      ],
      ['broken', { kind: 'status', status: 500 }, 503, 'http_status'],
      ['oversized', { kind: 'oversized', bytes: 5_000 }, 422, 'too_large'],
      ['no JSON', { kind: 'status', status: 200, body: '<html>' }, 422, 'bad_answer'],
      [
        'a redirect',
        { kind: 'status', status: 307, headers: { location: 'http://169.254.169.254/' } },
        422,
        'redirect',
      ],
    ] as const;
    for (const [what, misbehaviour, status, reason] of CASES) {
      it(`because the answer is ${what} leaves one error execution`, async () => {
        const { id } = await append(ollama({ timeout_ms: 100, max_attempts: 1, max_response_bytes: 4_000 }));
        server.next(misbehaviour);
        const answer = await execute({ provider_id: id, input: HELLO });
        assert.equal(answer.status, status, JSON.stringify(answer.body));
        const spans = await executionsOf(id);
        assert.equal(spans.length, 1);
        assert.equal(spans[0]?.status, 'error');
        assert.equal(causeOf(spans[0]).reason, reason);
        assert.equal(server.requests.length, 1);
      });
    }

    it('tells the caller when the service wants to be asked again', async () => {
      const { id } = await append(ollama());
      server.next({ kind: 'status', status: 429, headers: { 'retry-after': '120' } });
      const { headers } = await execute({ provider_id: id, input: HELLO });
      assert.ok(Number(headers.get('retry-after')) >= 120);
    });
  });

  it('calls hosts of the manifest only, at public addresses only', async () => {
    for (const [base_url, reason] of [
      ['https://evil.example', 'host_not_allowed'],
      ['http://169.254.169.254', 'host_not_allowed'],
      ['http://localhost:1', 'host_not_allowed'],
      ['https://api.example.com', 'address_not_allowed'],
    ]) {
      const { id } = await append(ollama({ base_url }));
      const { status } = await execute({ provider_id: id, input: HELLO });
      assert.equal(status, 403, base_url);
      const [span] = await executionsOf(id);
      assert.equal(causeOf(span).reason, reason, base_url);
    }
    assert.equal(server.requests.length, 0);
  });

  describe('what cannot be called', () => {
    it('is refused before the call, with every fault of the metadata, and leaves no execution', async () => {
      const { id } = await append({
        kind: 'gpt',
        timeout_ms: -1,
        headers: { authorization: 'Bearer sk-live' },
      });
      const { status, body } = await execute({ provider_id: id, input: HELLO });
      assert.equal(status, 400);
      for (const member of ['kind', 'timeout_ms', 'headers.authorization'])
        assert.match(body.detail, new RegExp(member));
      assert.ok(!body.detail.includes('sk-live'));
      assert.deepEqual(await executionsOf(id), []);
    });

    it('is an input that does not fit, an event that names nothing, or a span of another kind', async () => {
      const { id } = await append(ollama());
      const note = await append({}, { entity_type: 'note' });
      for (const input of [
        { provider_id: id, input: {} },
        { provider_id: 'x' },
        {},
        { provider_id: note.id, input: HELLO },
      ]) {
        assert.equal((await execute(input)).status, 400, JSON.stringify(input));
      }
      assert.equal(server.requests.length, 0);
    });

    it('is a provider whose row was tampered with', async () => {
      const { id } = await append(ollama());
      await tamper(kernels.database, id, { name: 'changed' });
      const { status, body } = await execute({ provider_id: id, input: HELLO });
      assert.equal(status, 403);
      assert.match(body.detail, /does not verify/);
      assert.equal(server.requests.length, 0);
    });

    it('is one that was deleted or disabled', async () => {
      for (const [change, status] of [
        [{ is_deleted: true }, 404],
        [{ status: 'disabled' }, 403],
      ] as const) {
        const { id } = await append(ollama());
        await append(ollama(), { id, seq: 1, ...change });
        assert.equal((await execute({ provider_id: id, input: HELLO })).status, status);
      }
    });
  });

  describe('who may use which provider', () => {
    it('not a stranger: neither a private one, nor a public one, which might be a trap', async () => {
      const mallory = await kernels.token('mallory', 'globex');
      const hidden = await append(ollama());
      assert.equal((await execute({ provider_id: hidden.id, input: HELLO }, mallory)).status, 404);
      const shown = await append(ollama(), { visibility: 'public' });
      assert.equal((await execute({ provider_id: shown.id, input: HELLO }, mallory)).status, 403);
      assert.equal(server.requests.length, 0);
    });

    it('a colleague, of a tenant-wide one, with the key of the tenant and a private record of the call', async () => {
      const { id } = await append(openai(), { visibility: 'tenant' });
      const bob = await kernels.token('bob', 'acme');
      const { status, body } = await execute({ provider_id: id, input: HELLO }, bob);
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.execution.owner_id, 'bob');
      assert.deepEqual(await executionsOf(id, alice), []);
    });

    it('not a colleague any more once the newest version is hidden from them', async () => {
      const { id } = await append(ollama(), { visibility: 'tenant', name: 'taken back' });
      await append(ollama(), { id, seq: 1, visibility: 'private', name: 'taken back' });
      const bob = await kernels.token('bob', 'acme');
      assert.equal((await execute({ provider_id: id, input: HELLO }, bob)).status, 404);
      assert.equal((await execute({ provider: 'taken back', input: HELLO }, bob)).status, 404);
    });

    it('everybody, of a public one of the system, with the key of the system', async () => {
      const system = await kernels.token('system', 'system');
      const { id } = await append(openai(), { visibility: 'public', name: 'house' }, system);
      const mallory = await kernels.token('mallory', 'globex');
      const { status, body } = await execute({ provider: 'house', input: HELLO }, mallory);
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.execution.tenant_id, 'globex');
      assert.equal(body.execution.visibility, 'private');
      assert.deepEqual(body.execution.related_to, [id]);
    });

    it('by name: one’s own before the tenant’s; several of one rank have to be told apart', async () => {
      const bob = await kernels.token('bob', 'acme');
      const shared = await append(ollama({ model: 'shared' }), { visibility: 'tenant', name: 'writer' });
      assert.equal((await execute({ provider: 'writer', input: HELLO }, bob)).body.result.model, 'shared');
      const own = await append(ollama({ model: 'own' }), { name: 'writer' }, bob);
      assert.equal((await execute({ provider: 'writer', input: HELLO }, bob)).body.result.model, 'own');
      await append(ollama(), { id: own.id, seq: 1, name: 'renamed' }, bob);
      assert.equal((await execute({ provider: 'writer', input: HELLO }, bob)).body.result.model, 'shared');
      const other = await append(ollama(), { visibility: 'tenant', name: 'writer' });
      const { status, body } = await execute({ provider: 'writer', input: HELLO }, bob);
      assert.equal(status, 400);
      assert.ok(body.detail.includes(shared.id) && body.detail.includes(other.id));
      assert.equal((await execute({ provider: 'nobody', input: HELLO }, bob)).status, 404);
    });
  });

  describe('API keys', () => {
    it('of one tenant are out of reach for another, whatever its provider calls them', async () => {
      const mallory = await kernels.token('mallory', 'globex');
      for (const secret of ['good', 'acme-good']) {
        const { id } = await append(openai({ secret }), {}, mallory);
        const { status, body } = await execute({ provider_id: id, input: HELLO }, mallory);
        assert.equal(status, 403, JSON.stringify(body));
      }
      const { id } = await append(openai({ secret: 'acme/good' }), {}, mallory);
      assert.equal((await execute({ provider_id: id, input: HELLO }, mallory)).status, 400);
      assert.equal(server.requests.length, 0);
    });

    it('stand in no span and no answer, even when the service repeats them', async () => {
      const { id } = await append(openai({ secret: 'wrong' }));
      const { status, body } = await execute({ provider_id: id, input: HELLO });
      assert.equal(status, 422);
      assert.match(body.error.detail, /^Incorrect API key provided: \[secret\]\./);
      assert.equal(server.requests[0]?.headers.authorization, `Bearer ${WRONG_KEY}`);
      const everything = await withClient(kernels.database.superuserUrl, async (client) => {
        const { rows } = await client.query(
          'SELECT row_to_json(r)::text AS row FROM ledger.universal_registry r',
        );
        return JSON.stringify([rows, body]);
      });
      assert.ok(everything.includes(id));
      for (const key of KEYS.values()) assert.ok(!everything.includes(key), 'a key is in the ledger');
    });
  });

  describe('on request', () => {
    it('runs through the queue like a function, and its record is tied to the request', async () => {
      const { id } = await append(ollama());
      const queued = await execute({ provider_id: id, input: HELLO }, alice, { prefer: 'respond-async' });
      assert.equal(queued.status, 202, JSON.stringify(queued.body));
      await kernels.tick('request_worker');
      const { body } = await kernels.call(`/api/spans/${queued.body.span.id}`, { token: alice });
      assert.equal(body.span.status, 'complete', JSON.stringify(body.span));
      assert.equal(body.span.output.text, 'You said: Hello');
      const [span, ...others] = await executionsOf(id);
      assert.deepEqual(span?.related_to, [id, queued.body.span.id]);
      assert.equal(others.length, 0);
    });

    it('never calls twice for one attempt of one request', async () => {
      const { id } = await append(ollama());
      const event = {
        provider_id: id,
        input: HELLO,
        request_id: '018f3f4e-0000-7000-8000-000000000001',
        attempt: 1,
      };
      const first = await invoke(event);
      const second = await invoke(event);
      assert.ok(first.ok);
      assert.deepEqual(second, first);
      assert.equal(server.requests.length, 1);
      const next = await invoke({ ...event, attempt: 2 });
      assert.notEqual(next.execution?.id, first.execution?.id);
      assert.equal((await executionsOf(id)).length, 2);
      const keys = server.requests.map(({ headers }) => headers['idempotency-key']);
      assert.equal(keys[0], keys[1], 'the service can tell that it is one request');
    });

    it('returns a recorded error as the same error', async () => {
      const { id } = await append(ollama({ model: 'missing' }));
      const event = {
        provider_id: id,
        input: HELLO,
        request_id: '018f3f4e-0000-7000-8000-000000000002',
        attempt: 1,
      };
      const first = await invoke(event);
      assert.ok(!first.ok);
      assert.deepEqual(await invoke(event), first);
      assert.equal(server.requests.length, 1);
    });

    it('leaves one record of an attempt that two workers make at once', async () => {
      const { id } = await append(ollama());
      const event = {
        provider_id: id,
        input: HELLO,
        request_id: '018f3f4e-0000-7000-8000-000000000003',
        attempt: 1,
      };
      const [one, other] = await Promise.all([invoke(event), invoke(event)]);
      assert.ok(one.ok && other.ok);
      assert.equal(one.execution?.id, other.execution?.id);
      assert.equal((await executionsOf(id)).length, 1);
    });

    it('is not mixed up with a stranger who names the same request', async () => {
      const request_id = '018f3f4e-0000-7000-8000-000000000004';
      const mallory = await kernels.token('mallory', 'globex');
      const theirs = await append(ollama(), {}, mallory);
      assert.ok(
        (await invoke({ provider_id: theirs.id, input: HELLO, request_id, attempt: 1 }, 'mallory', 'globex'))
          .ok,
      );
      const { id } = await append(ollama());
      const outcome = await invoke({ provider_id: id, input: HELLO, request_id, attempt: 1 });
      assert.ok(outcome.ok, JSON.stringify(outcome));
      assert.equal(outcome.execution?.owner_id, 'alice');
      assert.equal(server.requests.length, 2);
    });

    for (const visibility of ['public', 'private'] as const) {
      it(`is neither answered nor blocked by a stranger's ${visibility} span that took the id of its record`, async () => {
        const request_id = randomUUID();
        const forged = {
          id: stableId('provider_execution', 'acme', 'alice', request_id, '1'),
          entity_type: 'provider_execution',
          status: 'complete',
          output: { text: 'forged' },
          visibility,
        };
        await append({}, forged, await kernels.token('mallory', 'globex'));
        const { id } = await append(ollama());
        const outcome = await invoke({ provider_id: id, input: HELLO, request_id, attempt: 1 });
        assert.ok(outcome.ok, JSON.stringify(outcome));
        assert.equal(objectOf(outcome.result).text, 'You said: Hello');
        assert.equal((await executionsOf(id)).length, 1);
      });
    }
  });

  it('counts against the daily quota of the tenant', async () => {
    const poor = await kernels.token('paul', 'small');
    const { id } = await append(ollama(), {}, poor);
    await kernels.changeManifest({ throttle: { per_tenant_daily_exec_limit: 2 } });
    try {
      const statuses = [];
      for (let run = 0; run < 4; run += 1)
        statuses.push((await execute({ provider_id: id, input: HELLO }, poor)).status);
      assert.deepEqual(statuses, [200, 200, 429, 429]);
      assert.equal(server.requests.length, 2);
      const { headers } = await execute({ provider_id: id, input: HELLO }, poor);
      assert.ok(Number(headers.get('retry-after')) > 0);
      const violations = await kernels.call('/api/timeline?entity_type=policy_violation', { token: poor });
      assert.equal(violations.body.count, 1);
      assert.equal((await executionsOf(id, poor)).length, 2);
    } finally {
      await kernels.changeManifest({ throttle: { per_tenant_daily_exec_limit: 1_000 } });
    }
  });
});

function causeOf(span: Span | undefined): { readonly [member: string]: JsonValue } {
  const { error } = span ?? {};
  const cause = typeof error === 'object' && error !== null && 'cause' in error ? error.cause : null;
  assert.ok(typeof cause === 'object' && cause !== null && !Array.isArray(cause), JSON.stringify(error));
  return cause as { readonly [member: string]: JsonValue };
}

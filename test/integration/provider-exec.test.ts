import assert from 'node:assert/strict';
import type { JsonValue, Span } from '../../runtime/base/span';
import { verifySpan } from '../../runtime/ledger/span-signature';
import { GOOD_KEY } from '../support/provider-server';
import { HELLO, openProviderWorld, type ProviderWorld } from '../support/provider-world';
import { tamper } from '../support/tamper';

describe('provider_exec', () => {
  let world: ProviderWorld;
  before(async () => {
    world = await openProviderWorld();
  });
  beforeEach(() => world.server.reset());
  after(() => world.close());

  describe('the kinds', () => {
    it('openai: chat completions', async () => {
      const { id } = await world.append(world.openai({ parameters: { temperature: 0 } }));
      const { status, body } = await world.execute({ provider_id: id, input: HELLO });
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(body.result, {
        text: 'You said: Hello',
        model: 'gpt-4.1-2025-04-14',
        usage: { input_tokens: 19, output_tokens: 10, total_tokens: 29 },
        finish_reason: 'stop',
      });
      const [request] = world.server.requests;
      assert.equal(request?.path, '/v1/chat/completions');
      assert.equal(request?.headers.authorization, `Bearer ${GOOD_KEY}`);
      assert.equal(request?.body.temperature, 0);
    });

    it('anthropic: messages', async () => {
      const { id } = await world.append({
        kind: 'anthropic',
        base_url: world.at,
        model: 'claude-sonnet-4-5',
        secret: 'good',
      });
      const { status, body } = await world.execute({
        provider_id: id,
        input: { ...HELLO, system: 'Be brief.' },
      });
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(body.result, {
        text: 'You said: Hello',
        model: 'claude-sonnet-4-5',
        usage: { input_tokens: 2060, output_tokens: 503, total_tokens: 2563 },
        finish_reason: 'stop',
      });
      assert.equal(world.server.requests[0]?.body.system, 'Be brief.');
    });

    it('ollama: chat', async () => {
      const { id } = await world.append(world.ollama());
      const messages = [
        { role: 'user', content: 'One' },
        { role: 'assistant', content: 'Two' },
        { role: 'user', content: 'Three' },
      ];
      const { status, body } = await world.execute({ provider_id: id, input: { messages } });
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
        base_url: world.at,
        method: 'PUT',
        path: '/rooms/{{input.room}}',
        body: { to: '{{input.to}}' },
      };
      const { id } = await world.append({
        ...metadata,
        secret: 'good',
        headers: { 'X-Auth-Token': '{{secret}}' },
      });
      const { status, body } = await world.execute({ provider_id: id, input: { room: 'a b', to: [1] } });
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.result.status, 200);
      assert.equal(body.result.body.path, '/rooms/a%20b');
      assert.deepEqual(body.result.body.body, { to: [1] });
      assert.equal(world.server.requests[0]?.headers['x-auth-token'], GOOD_KEY);
      assert.equal(
        body.result.body.headers['x-auth-token'],
        '[secret]',
        'what the service echoes is cleaned',
      );
    });
  });

  it('records one signed provider_execution span for a call', async () => {
    const provider = await world.append(world.ollama());
    const { body } = await world.execute({ provider_id: provider.id, input: HELLO });
    const spans = await world.executionsOf(provider.id);
    assert.deepEqual(spans, [body.execution]);
    const [span] = spans;
    assert.deepEqual(verifySpan(span ?? {}, { trustedKeys: new Set([world.kernels.key.publicKeyHex]) }), {
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
      host: `127.0.0.1:${world.server.port}`,
      attempts: 1,
      http_status: 200,
      usage: body.result.usage,
    });
  });

  it('retries when the service asks for it, and records the number of attempts', async () => {
    const { id } = await world.append(world.ollama());
    world.server.next(
      { kind: 'status', status: 429, headers: { 'retry-after-ms': '1' } },
      { kind: 'status', status: 500, headers: { 'retry-after-ms': '1' } },
    );
    const { status, body } = await world.execute({ provider_id: id, input: HELLO });
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.execution.metadata.attempts, 3);
    assert.equal(world.server.requests.length, 3);
  });

  describe('a call that fails', () => {
    it('ends as the error of a function, with the words of the service', async () => {
      const { id } = await world.append(world.ollama({ model: 'missing' }));
      const { status, body } = await world.execute({ provider_id: id, input: HELLO });
      assert.equal(status, 422, JSON.stringify(body));
      assert.deepEqual(body.error, {
        reason: 'http_status',
        http_status: 404,
        detail: 'model "missing" not found, try pulling it first',
      });
      const [span] = await world.executionsOf(id);
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
        const { id } = await world.append(
          world.ollama({ timeout_ms: 100, max_attempts: 1, max_response_bytes: 4_000 }),
        );
        world.server.next(misbehaviour);
        const answer = await world.execute({ provider_id: id, input: HELLO });
        assert.equal(answer.status, status, JSON.stringify(answer.body));
        const spans = await world.executionsOf(id);
        assert.equal(spans.length, 1);
        assert.equal(spans[0]?.status, 'error');
        assert.equal(causeOf(spans[0]).reason, reason);
        assert.equal(world.server.requests.length, 1);
      });
    }

    it("passes the service's Retry-After on to the caller", async () => {
      const { id } = await world.append(world.ollama());
      world.server.next({ kind: 'status', status: 429, headers: { 'retry-after': '120' } });
      const { headers } = await world.execute({ provider_id: id, input: HELLO });
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
      const { id } = await world.append(world.ollama({ base_url }));
      const { status } = await world.execute({ provider_id: id, input: HELLO });
      assert.equal(status, 403, base_url);
      const [span] = await world.executionsOf(id);
      assert.equal(causeOf(span).reason, reason, base_url);
    }
    assert.equal(world.server.requests.length, 0);
  });

  describe('a provider that cannot be called', () => {
    it('is refused before the call, with every fault of the metadata, and leaves no execution', async () => {
      const { id } = await world.append({
        kind: 'gpt',
        timeout_ms: -1,
        headers: { authorization: 'Bearer sk-live' },
      });
      const { status, body } = await world.execute({ provider_id: id, input: HELLO });
      assert.equal(status, 400);
      for (const member of ['kind', 'timeout_ms', 'headers.authorization'])
        assert.match(body.detail, new RegExp(member));
      assert.ok(!body.detail.includes('sk-live'));
      assert.deepEqual(await world.executionsOf(id), []);
    });

    it('is an input that does not fit, an event that names nothing, or a span of another kind', async () => {
      const { id } = await world.append(world.ollama());
      const note = await world.append({}, { entity_type: 'note' });
      for (const input of [
        { provider_id: id, input: {} },
        { provider_id: 'x' },
        {},
        { provider_id: note.id, input: HELLO },
      ]) {
        assert.equal((await world.execute(input)).status, 400, JSON.stringify(input));
      }
      assert.equal(world.server.requests.length, 0);
    });

    it('is a provider whose row was tampered with', async () => {
      const { id } = await world.append(world.ollama());
      await tamper(world.kernels.database, id, { name: 'changed' });
      const { status, body } = await world.execute({ provider_id: id, input: HELLO });
      assert.equal(status, 403);
      assert.match(body.detail, /does not verify/);
      assert.equal(world.server.requests.length, 0);
    });

    it('is one that was deleted or disabled', async () => {
      for (const [change, status] of [
        [{ is_deleted: true }, 404],
        [{ status: 'disabled' }, 403],
      ] as const) {
        const { id } = await world.append(world.ollama());
        await world.append(world.ollama(), { id, seq: 1, ...change });
        assert.equal((await world.execute({ provider_id: id, input: HELLO })).status, status);
      }
    });
  });
});

function causeOf(span: Span | undefined): { readonly [member: string]: JsonValue } {
  const { error } = span ?? {};
  const cause = typeof error === 'object' && error !== null && 'cause' in error ? error.cause : null;
  assert.ok(typeof cause === 'object' && cause !== null && !Array.isArray(cause), JSON.stringify(error));
  return cause as { readonly [member: string]: JsonValue };
}

import assert from 'node:assert/strict';
import type { JsonValue } from '../../../../runtime/base/span';
import type {
  KernelContext,
  OutgoingRequest,
  OutgoingResponse,
} from '../../../../runtime/kernels/kernel-context';
import { callProvider, type ProviderResult } from '../../../../runtime/kernels/provider/provider-call';
import { requestOf } from '../../../../runtime/kernels/provider/provider-request';
import { providerOf } from '../../../support/provider-span';

const NOW = '2026-11-23T12:00:00.000Z';
const GOOD = { choices: [{ message: { content: 'hi' }, finish_reason: 'stop' }], model: 'm' };

const answer = (
  status: number,
  headers: Record<string, string> = {},
  body: unknown = {},
): OutgoingResponse => ({
  ok: true,
  status,
  headers,
  body: JSON.stringify(body),
  json: { value: JSON.parse(JSON.stringify(body)) },
});
const failure = (code: Extract<OutgoingResponse, { ok: false }>['code']): OutgoingResponse => ({
  ok: false,
  code,
  message: code,
});

interface Call {
  readonly result: ProviderResult;
  readonly sent: readonly OutgoingRequest[];
  readonly slept: readonly number[];
  readonly logged: readonly unknown[];
}

interface World {
  readonly metadata?: Readonly<Record<string, JsonValue>>;
  readonly remainingMs?: number;
  readonly secret?: (name: string) => Promise<string | undefined>;
  readonly sleep?: () => Promise<void>;
}

/** One call, with a clock that moves only during sleeps. */
async function call(answers: readonly OutgoingResponse[], world: World = {}): Promise<Call> {
  const sent: OutgoingRequest[] = [];
  const slept: number[] = [];
  const logged: unknown[] = [];
  let remainingMs = world.remainingMs ?? 50_000;
  const ctx: Pick<KernelContext, 'fetch' | 'secret' | 'sleep' | 'remainingMs' | 'now' | 'log'> & {
    manifest(): Promise<unknown>;
  } = {
    fetch: async (request, hosts) => {
      assert.deepEqual(hosts, ['h']);
      sent.push(request);
      return answers[sent.length - 1] ?? failure('bad_url');
    },
    secret: world.secret ?? (async () => undefined),
    manifest: async () => ({ providerHosts: ['h'] }),
    sleep: async (ms) => {
      await world.sleep?.();
      slept.push(ms);
      remainingMs -= ms;
    },
    remainingMs: () => remainingMs,
    now: () => NOW,
    log: (...line) => void logged.push(line),
  };
  const provider = providerOf({ kind: 'openai', base_url: 'https://h', model: 'm', ...world.metadata });
  const request = requestOf(provider, { prompt: 'x' });
  const result = await callProvider(ctx as unknown as KernelContext, provider, request, {
    'idempotency-key': 'call-1',
  });
  return { result, sent, slept, logged };
}

describe('call of a provider', () => {
  it('is made once when it succeeds', async () => {
    const { result, sent, slept } = await call([answer(200, {}, GOOD)]);
    assert.ok(result.outcome.ok);
    assert.equal(result.outcome.output.text, 'hi');
    assert.deepEqual([result.attempts, result.httpStatus, sent.length, slept.length], [1, 200, 1, 0]);
  });

  for (const status of [408, 429, 500, 502, 503, 504, 529]) {
    it(`is made again after ${status}`, async () => {
      const { result } = await call([answer(status), answer(200, {}, GOOD)]);
      assert.ok(result.outcome.ok);
      assert.equal(result.attempts, 2);
    });
  }
  for (const code of ['timeout', 'unreachable', 'truncated'] as const) {
    it(`is made again after ${code}`, async () => {
      const { result } = await call([failure(code), answer(200, {}, GOOD)]);
      assert.ok(result.outcome.ok);
      assert.deepEqual([result.attempts, result.httpStatus], [2, 200]);
    });
  }

  const FINAL: readonly [string, OutgoingResponse, string][] = [
    ...[400, 401, 403, 404, 409, 422, 501].map((status): [string, OutgoingResponse, string] => [
      String(status),
      answer(status),
      'function_failed',
    ]),
    ['429 for lack of credit', answer(429, {}, { error: { code: 'insufficient_quota' } }), 'function_failed'],
    ['an answer in another format', answer(200, {}, {}), 'function_failed'],
    ['a redirect', failure('redirect'), 'function_failed'],
    ['too large an answer', failure('too_large'), 'function_failed'],
    ['a host off the list', failure('host_not_allowed'), 'forbidden'],
    ['a private address', failure('address_not_allowed'), 'forbidden'],
  ];
  for (const [what, response, code] of FINAL) {
    it(`ends with ${what}`, async () => {
      const { result, sent } = await call([response, answer(200, {}, GOOD)]);
      assert.ok(!result.outcome.ok);
      assert.equal(result.outcome.error.code, code);
      assert.equal(sent.length, 1);
    });
  }

  it('is given up after max_attempts, as something that may succeed later', async () => {
    const { result, sent } = await call([answer(503), answer(503), answer(503), answer(200, {}, GOOD)]);
    assert.ok(!result.outcome.ok);
    assert.equal(result.outcome.error.code, 'unavailable');
    assert.ok((result.outcome.error.retry_after_s ?? 0) >= 1);
    assert.deepEqual(result.outcome.error.cause, { reason: 'http_status', http_status: 503, detail: '{}' });
    assert.deepEqual([result.attempts, result.httpStatus, sent.length], [3, 503, 3]);
    assert.equal((await call([answer(503)], { metadata: { max_attempts: 1 } })).sent.length, 1);
    assert.equal((await call(Array(9).fill(answer(503)), { metadata: { max_attempts: 5 } })).sent.length, 5);
  });

  it('waits twice as long each time, half of it by chance', async () => {
    const { slept } = await call(Array(5).fill(answer(500)), { metadata: { max_attempts: 5 } });
    assert.equal(slept.length, 4);
    for (const [index, ms] of slept.entries()) {
      const fullMs = 500 * 2 ** index;
      assert.ok(ms >= fullMs / 2 && ms <= fullMs, `wait ${index + 1}: ${ms}`);
    }
  });

  const ASKED: readonly [string, Record<string, string>, number][] = [
    ['seconds', { 'retry-after': '7' }, 7_000],
    ['a date', { 'retry-after': 'Mon, 23 Nov 2026 12:00:20 GMT' }, 20_000],
    ['a date that is past', { 'retry-after': 'Mon, 23 Nov 2026 11:00:00 GMT' }, 0],
    ['milliseconds, which go before seconds', { 'retry-after-ms': '1500', 'retry-after': '9' }, 1_500],
  ];
  for (const [what, headers, expectedMs] of ASKED) {
    it(`waits at least the Retry-After in ${what}`, async () => {
      for (const status of [429, 503]) {
        const { slept } = await call([answer(status, headers), answer(200, {}, GOOD)]);
        assert.equal(slept.length, 1);
        assert.ok((slept[0] ?? -1) >= expectedMs && (slept[0] ?? 0) <= expectedMs * 1.1, String(slept[0]));
      }
    });
  }

  it('falls back to its own back-off when Retry-After is invalid', async () => {
    for (const text of ['', 'soon', '-5', 'NaN', 'Infinity']) {
      const { slept } = await call([answer(429, { 'retry-after': text }), answer(200, {}, GOOD)]);
      assert.ok((slept[0] ?? 0) >= 250 && (slept[0] ?? 0) <= 500, `${text}: ${slept[0]}`);
    }
  });

  it('does not wait longer than its run may take, and answers Retry-After', async () => {
    const { result, sent, slept } = await call([
      answer(429, { 'retry-after': '3600' }),
      answer(200, {}, GOOD),
    ]);
    assert.ok(!result.outcome.ok);
    assert.equal(result.outcome.error.code, 'unavailable');
    assert.ok((result.outcome.error.retry_after_s ?? 0) >= 3600);
    assert.deepEqual([sent.length, slept.length], [1, 0]);
  });

  it('gives each attempt the time-out of the provider, but never more than is left', async () => {
    const [first] = (await call([answer(200, {}, GOOD)], { metadata: { timeout_ms: 7_000 } })).sent;
    assert.equal(first?.timeoutMs, 7_000);
    const [short] = (await call([answer(200, {}, GOOD)], { remainingMs: 5_000 })).sent;
    assert.equal(short?.timeoutMs, 3_000);
  });

  it('ends when the run is stopped while it waits', async () => {
    const { result, sent } = await call([answer(500), answer(200, {}, GOOD)], {
      sleep: () => Promise.reject(new Error('aborted')),
    });
    assert.ok(!result.outcome.ok);
    assert.equal(result.outcome.error.code, 'unavailable');
    assert.equal(sent.length, 1);
  });

  it('sends the same Idempotency-Key with every attempt', async () => {
    const { sent } = await call([answer(500), answer(200, {}, GOOD)]);
    assert.deepEqual(
      sent.map(({ headers }) => headers['idempotency-key']),
      ['call-1', 'call-1'],
    );
  });

  it('logs neither key, headers, input nor answer', async () => {
    const { logged, result } = await call(
      [answer(500, { 'x-h': 'header' }, { error: 'inside' }), answer(200, {}, GOOD)],
      {
        metadata: { secret: 'openai' },
        secret: async () => 'sk-1',
      },
    );
    assert.ok(result.outcome.ok);
    assert.equal(logged.length, 1);
    assert.doesNotMatch(JSON.stringify(logged), /sk-1|header|inside|"x"|hi/);
  });

  it('sends the key of the tenant that owns the provider', async () => {
    const asked: string[] = [];
    const { sent } = await call([answer(200, {}, GOOD)], {
      metadata: { secret: 'openai' },
      secret: async (name) => {
        asked.push(name);
        return 'sk-1';
      },
    });
    assert.deepEqual(asked, ['acme/openai']);
    assert.equal(sent[0]?.headers.authorization, 'Bearer sk-1');
  });

  it('is not made without its key, nor when the secret store fails, whose message is not passed on', async () => {
    const metadata = { secret: 'openai' };
    const missing = await call([answer(200, {}, GOOD)], { metadata });
    assert.ok(!missing.result.outcome.ok);
    assert.equal(missing.result.outcome.error.code, 'forbidden');
    const broken = await call([answer(200, {}, GOOD)], {
      metadata,
      secret: () => Promise.reject(new Error('cannot parse sk-live')),
    });
    assert.ok(!broken.result.outcome.ok);
    assert.equal(broken.result.outcome.error.code, 'unavailable');
    assert.ok(!JSON.stringify(broken.result).includes('sk-live'));
    assert.deepEqual([missing.sent.length, broken.sent.length], [0, 0]);
  });
});

import assert from 'node:assert/strict';
import type { JsonValue } from '../../../../runtime/base/span';
import { readStorableJson, storableText } from '../../../../runtime/json/storable';
import { Refusal } from '../../../../runtime/kernels/provider/provider';
import { detailOf, outputOf } from '../../../../runtime/kernels/provider/provider-answer';
import { providerOf } from '../../../support/provider-span';

const KEY = 'sk-"secret"/1';

/** An answer of outgoing HTTP. */
const answered = (text: string, headers: Record<string, string> = {}) =>
  ({ ok: true, status: 200, headers, body: storableText(text), json: readStorableJson(text, 3) }) as const;

function output(metadata: JsonValue, body: string, headers: Record<string, string> = {}) {
  const all = { 'content-type': 'application/json', ...headers };
  return outputOf(providerOf(metadata), answered(body, all), KEY);
}

const chat = (kind: string, body: unknown, more: object = {}) =>
  output({ kind, model: 'm', ...more }, typeof body === 'string' ? body : JSON.stringify(body));
const http = (body: string, headers: Record<string, string> = {}) =>
  output({ kind: 'http', base_url: 'https://h' }, body, headers);

describe('answer of a provider', () => {
  it('of OpenAI may say why it refuses instead, or call tools', () => {
    const answer = { role: 'assistant', content: null, refusal: 'I cannot.' };
    const { text, finish_reason, usage, model } = chat('openai', {
      choices: [{ message: answer, finish_reason: 'stop' }],
    });
    assert.deepEqual([text, finish_reason, usage, model], ['I cannot.', 'stop', null, null]);
    const call = {
      choices: [{ message: { content: null, tool_calls: [{ id: 'c' }] }, finish_reason: 'tool_calls' }],
    };
    assert.deepEqual(chat('openai', call, { include_raw: true }).raw, call);
    assert.equal(chat('openai', call).raw, undefined);
  });

  for (const [reason, expected] of [
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
    ['pause_turn', 'pause_turn'],
  ]) {
    it(`of Anthropic that ends by ${reason} ends by ${expected}`, () => {
      assert.equal(chat('anthropic', { content: [], stop_reason: reason }).finish_reason, expected);
    });
  }

  it('of Anthropic joins its texts and counts cached tokens as input', () => {
    const content = [
      { type: 'thinking', thinking: 'hm' },
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ];
    const usage = {
      input_tokens: 1,
      cache_read_input_tokens: 10,
      cache_creation_input_tokens: 100,
      output_tokens: 5,
    };
    const answer = chat('anthropic', { content, usage });
    assert.equal(answer.text, 'ab');
    assert.deepEqual(answer.usage, { input_tokens: 111, output_tokens: 5, total_tokens: 116 });
  });

  for (const body of [
    '',
    'not json',
    '{"choices":',
    '[]',
    '{}',
    '{"choices":[]}',
    '{"choices":[{}]}',
    '{"error":"x"}',
    'null',
  ]) {
    it(`${body || 'nothing'} is no answer of a chat service`, () => {
      for (const kind of ['openai', 'anthropic', 'ollama']) {
        assert.throws(
          () => chat(kind, body),
          (error) => error instanceof Refusal && error.kernelError.code === 'function_failed',
          kind,
        );
      }
    });
  }

  it('never carries the API key, however the service spells it', () => {
    const echo = { key: KEY, [KEY]: 1, nested: [`Bearer ${KEY}`], url: `/?k=${encodeURIComponent(KEY)}` };
    const text = JSON.stringify(http(JSON.stringify(echo)));
    assert.ok(!text.includes('secret\\"') && !text.includes('%22secret'), text);
    assert.equal(text.match(/\[secret\]/g)?.length, 4);
    assert.deepEqual(http(`key: ${KEY}`, { 'content-type': 'text/plain' }).body, 'key: [secret]');
    assert.deepEqual(http('{"a":"sk-\\u0022secret\\u0022\\/1"}').body, { a: '[secret]' });
    assert.equal(
      detailOf(answered(JSON.stringify({ error: { message: `Incorrect API key: ${KEY}.` } })), KEY),
      'Incorrect API key: [secret].',
    );
    assert.equal(detailOf(answered(`${'x'.repeat(995)}${KEY}`), KEY), `${'x'.repeat(995)}[secr`);
  });

  it('becomes a value that a span can store exactly', () => {
    assert.deepEqual(http('{"big":12345678901234567890,"huge":1e400,"ok":1.5,"int":-7}').body, {
      big: '12345678901234567890',
      huge: '1e400',
      ok: 1.5,
      int: -7,
    });
    assert.deepEqual(http('["a\\u0000b","\\ud800"]').body, ['a\ufffdb', '\ufffd']);
    assert.throws(() => http(`${'['.repeat(127)}${']'.repeat(127)}`), /nests deeper/);
    assert.throws(() => http(JSON.stringify('\u0001'.repeat(90_000))), /larger than/);
  });

  it('of http is JSON when it says so, else text, else nothing', () => {
    assert.deepEqual(http('{"a":1}', { 'content-type': 'application/problem+json; charset=utf-8' }), {
      status: 200,
      body: { a: 1 },
    });
    assert.deepEqual(http('{"a":1}', { 'content-type': 'text/plain' }), { status: 200, body: '{"a":1}' });
    assert.deepEqual(http('\uFEFF{"a":1}', { 'content-type': 'application/json' }).body, { a: 1 });
    assert.deepEqual(http(''), { status: 200, body: null });
    assert.throws(() => http('{"a":'), /is not JSON/);
  });
});

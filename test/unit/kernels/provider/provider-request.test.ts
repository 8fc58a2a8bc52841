import assert from 'node:assert/strict';
import type { JsonValue } from '../../../../runtime/base/span';
import { type ProviderRequest, requestOf } from '../../../../runtime/kernels/provider/provider-request';
import { providerOf } from '../../../support/provider-span';

const HELLO = [{ role: 'user', content: 'Hello' }];

function request(metadata: JsonValue, input: JsonValue): ProviderRequest {
  return requestOf(providerOf(metadata), input);
}

describe('request to a chat service', () => {
  it('of OpenAI: chat completions', () => {
    const { method, url, headers, body } = request(
      { kind: 'openai', model: 'gpt-4.1', parameters: { temperature: 0 } },
      { prompt: 'Hello', system: 'Be brief.', max_tokens: 50 },
    );
    assert.equal(method, 'POST');
    assert.equal(url, 'https://api.openai.com/v1/chat/completions');
    assert.equal(headers['content-type'], 'application/json');
    assert.deepEqual(body, {
      model: 'gpt-4.1',
      messages: [{ role: 'system', content: 'Be brief.' }, ...HELLO],
      temperature: 0,
      max_tokens: 50,
    });
  });

  it('of Anthropic: messages, with its version, a bound, and the system prompt apart', () => {
    const { url, headers, body } = request(
      { kind: 'anthropic', model: 'claude-sonnet-4-5' },
      { system: 'One.', messages: [{ role: 'system', content: 'Two.' }, ...HELLO] },
    );
    assert.equal(url, 'https://api.anthropic.com/v1/messages');
    assert.equal(headers['anthropic-version'], '2023-06-01');
    assert.deepEqual(body, {
      model: 'claude-sonnet-4-5',
      max_tokens: 4096,
      system: 'One.\n\nTwo.',
      messages: HELLO,
    });
  });

  it('of Ollama: chat without a stream, parameters of the model among the options', () => {
    const { url, body } = request(
      {
        kind: 'ollama',
        model: 'llama3.2',
        parameters: { temperature: 0, keep_alive: '1m', options: { seed: 7 } },
      },
      { messages: HELLO, max_tokens: 9, format: 'json' },
    );
    assert.equal(url, 'http://127.0.0.1:11434/api/chat');
    assert.deepEqual(body, {
      model: 'llama3.2',
      messages: HELLO,
      stream: false,
      keep_alive: '1m',
      format: 'json',
      options: { temperature: 0, num_predict: 9, seed: 7 },
    });
  });

  it('accepts base URLs with and without the version in their path, and a custom path', () => {
    const url = (kind: string, base_url: string, more: object = {}): string =>
      request({ kind, base_url, model: 'm', ...more }, { prompt: 'x' }).url;
    assert.equal(url('openai', 'http://h:1'), 'http://h:1/v1/chat/completions');
    assert.equal(url('openai', 'http://h:1/openai/v1/'), 'http://h:1/openai/v1/chat/completions');
    assert.equal(url('anthropic', 'https://h/v1'), 'https://h/v1/messages');
    assert.equal(url('ollama', 'http://h/api/'), 'http://h/api/chat');
    assert.equal(url('openai', 'https://h', { path: '/chat?api-version=1' }), 'https://h/chat?api-version=1');
  });

  it("does not let the caller override the provider's parameters", () => {
    const { body } = request(
      { kind: 'openai', model: 'small', parameters: { max_tokens: 10 } },
      { prompt: 'x', parameters: { max_tokens: 1e6, stream: true, model: 'huge' }, stream: true },
    );
    assert.deepEqual(body, { model: 'small', messages: [{ role: 'user', content: 'x' }], max_tokens: 10 });
    assert.throws(
      () => request({ kind: 'openai', model: 'small' }, { prompt: 'x', model: 'huge' }),
      /uses small/,
    );
    assert.equal(request({ kind: 'openai' }, { prompt: 'x', model: 'huge' }).model, 'huge');
  });

  it('passes parts of a content, tool calls and their results as they are', () => {
    const messages: JsonValue = [
      { role: 'user', content: [{ type: 'text', text: 'What is it?' }] },
      { role: 'assistant', content: null, tool_calls: [{ id: 'c1' }] },
      { role: 'tool', content: 'a cat', tool_call_id: 'c1' },
    ];
    assert.deepEqual(request({ kind: 'openai', model: 'm' }, { messages }).body, { model: 'm', messages });
  });

  const FAULTY: readonly [string, JsonValue, RegExp][] = [
    ['nothing', null, /either prompt or messages/],
    ['both', { prompt: 'x', messages: HELLO }, /either prompt or messages/],
    ['no message', { messages: [] }, /at least one/],
    ['a prompt that is no text', { prompt: 5 }, /prompt must be a text/],
    ['a message without a role', { messages: [{ content: 'x' }] }, /messages\[0\]/],
    ['a message without a content', { messages: [...HELLO, { role: 'user' }] }, /messages\[1\]/],
    ['a system prompt that is no text', { prompt: 'x', system: {} }, /system must be a text/],
  ];
  for (const [what, input, expected] of FAULTY) {
    it(`refuses ${what}`, () => {
      assert.throws(() => request({ kind: 'openai', model: 'm' }, input), expected);
    });
  }

  it('refuses to go without a model', () => {
    assert.throws(() => request({ kind: 'openai' }, { prompt: 'x' }), /model is missing/);
  });
});

describe('request to any http service', () => {
  const base = { kind: 'http', base_url: 'https://h/api' };

  it('posts the input as JSON when nothing else is said', () => {
    const { method, url, body } = request(base, { a: [1] });
    assert.deepEqual([method, url, body], ['POST', 'https://h/api', { a: [1] }]);
  });

  it('fills path, query and body from the input', () => {
    const { method, url, body, headers } = request(
      {
        ...base,
        method: 'PUT',
        path: '/cities/{{input.city}}?v=1',
        query: { q: '{{ input.q }}', fixed: 'a b', n: 3 },
        body: {
          all: '{{input}}',
          list: ['{{input.list}}'],
          text: 'Hello {{input.city}} {{input.n}}',
          n: '{{input.n}}',
        },
        headers: { 'X-One': '1' },
      },
      { city: 'São/Paulo ?', q: 'a&b=c', list: [1, 2], n: 5 },
    );
    assert.equal(method, 'PUT');
    assert.equal(url, 'https://h/api/cities/S%C3%A3o%2FPaulo%20%3F?v=1&q=a%26b%3Dc&fixed=a%20b&n=3');
    assert.deepEqual(body, {
      all: { city: 'São/Paulo ?', q: 'a&b=c', list: [1, 2], n: 5 },
      list: [[1, 2]],
      text: 'Hello São/Paulo ? 5',
      n: 5,
    });
    assert.equal(headers['x-one'], '1');
  });

  it('sends no body with GET unless the provider has one', () => {
    assert.equal(request({ ...base, method: 'GET' }, { a: 1 }).body, undefined);
    assert.deepEqual(request({ ...base, method: 'GET', body: { b: 1 } }, { a: 1 }).body, { b: 1 });
  });

  it('never lets the input leave the path', () => {
    for (const id of ['..', '.']) {
      assert.throws(() => request({ ...base, path: '/users/{{input.id}}/x' }, { id }), /lead out/);
    }
    for (const id of ['../admin', '%2e%2e', '..%2f', 'a/../b', '?x', '#']) {
      const { url } = request({ ...base, path: '/users/{{input.id}}' }, { id });
      assert.equal(new URL(url).pathname, `/api/users/${encodeURIComponent(id)}`);
    }
  });

  it('names the missing part of the input, and reads no inherited member', () => {
    assert.throws(() => request({ ...base, body: '{{input.a.b}}' }, { a: {} }), /needs input\.a\.b/);
    assert.throws(() => request({ ...base, body: '{{input.constructor}}' }, {}), /needs input\.constructor/);
  });
});

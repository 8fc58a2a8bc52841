import assert from 'node:assert/strict';
import type { JsonValue } from '../../../../runtime/base/span';
import { withSecret } from '../../../../runtime/kernels/provider/provider';
import { providerOf } from '../../../support/provider-span';

/** The error for this metadata. */
function faultOf(metadata: JsonValue): string {
  try {
    providerOf(metadata);
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  return 'accepted';
}

describe('metadata of a provider', () => {
  it('needs no more than its kind where the service has one address', () => {
    const { baseUrl, timeoutMs, maxAttempts, maxResponseBytes, method } = providerOf({ kind: 'openai' });
    assert.equal(baseUrl, 'https://api.openai.com/v1');
    assert.deepEqual([timeoutMs, maxAttempts, maxResponseBytes, method], [30_000, 3, 500_000, 'POST']);
    assert.equal(providerOf({ kind: 'anthropic' }).baseUrl, 'https://api.anthropic.com');
    assert.equal(providerOf({ kind: 'ollama' }).baseUrl, 'http://127.0.0.1:11434');
    assert.match(faultOf({ kind: 'http' }), /metadata\.base_url: expected an http or https URL/);
  });

  it('is refused with every fault at once', () => {
    const message = faultOf({
      kind: 'gemini',
      base_url: 'ftp://x/',
      secret: 'sk-live/abc',
      timeout_ms: 0,
      max_attempts: 6,
      max_response_bytes: 1.5,
      parameters: [],
      model: '',
      path: 'chat',
      method: 'TRACE',
    });
    for (const member of [
      ...['kind', 'base_url', 'secret', 'timeout_ms', 'max_attempts', 'max_response_bytes', 'parameters'],
      ...['model', 'path', 'method'],
    ]) {
      assert.match(message, new RegExp(`metadata\\.${member}: `), member);
    }
    assert.ok(!message.includes('sk-live'), 'what was pasted as a secret may be one');
  });

  for (const base of [
    'https://u:p@h/',
    'https://h/?key=1',
    'https://h/#x',
    'javascript:alert(1)',
    'nonsense',
    5,
  ]) {
    it(`refuses ${base} as base_url`, () => {
      assert.match(faultOf({ kind: 'http', base_url: base }), /metadata\.base_url/);
    });
  }

  for (const name of [
    'Authorization',
    'x-api-key',
    'Api-Key',
    'X-Auth-Token',
    'cookie',
    'Ocp-Apim-Subscription-Key',
  ]) {
    it(`refuses a key in the header ${name}, and accepts {{secret}} there`, () => {
      const message = faultOf({ kind: 'openai', headers: { [name]: 'Bearer sk-live' } });
      assert.match(message, /secret store/);
      assert.ok(!message.includes('sk-live'));
      const { headers } = providerOf({
        kind: 'openai',
        secret: 'openai',
        headers: { [name]: 'Bearer {{secret}}' },
      });
      assert.deepEqual(withSecret(headers, 'sk-live'), { [name.toLowerCase()]: 'Bearer sk-live' });
    });
  }

  it('refuses headers of the connection, names that are none, and values that would end the header', () => {
    for (const name of [
      'Host',
      'content-length',
      'Transfer-Encoding',
      'connection',
      'proxy-authorization',
      'a b',
      '',
    ]) {
      assert.match(faultOf({ kind: 'openai', headers: { [name]: 'x' } }), /metadata\.headers/, name);
    }
    for (const value of ['a\r\nb', 'a\u0000', '€', 7]) {
      assert.match(faultOf({ kind: 'openai', headers: { 'x-a': value } }), /metadata\.headers/);
    }
  });

  it('puts the key where the kind expects it', () => {
    const headersOf = (kind: string): object =>
      withSecret(providerOf({ kind, secret: 'k', base_url: 'https://h' }).headers, 'sk$&');
    assert.deepEqual(headersOf('openai'), { authorization: 'Bearer sk$&' });
    assert.deepEqual(headersOf('anthropic'), { 'x-api-key': 'sk$&' });
    assert.deepEqual(headersOf('ollama'), { authorization: 'Bearer sk$&' });
    assert.deepEqual(headersOf('http'), { authorization: 'Bearer sk$&' });
  });

  it('allows a key in headers only, and only by name', () => {
    const base = { kind: 'http', base_url: 'https://h', secret: 'k' };
    const places: readonly JsonValue[] = [
      { ...base, path: '/{{secret}}' },
      { ...base, query: { key: '{{secret}}' } },
      { ...base, body: [{ a: '{{secret}}' }] },
    ];
    for (const place of places) {
      assert.match(faultOf(place), /may stand in a header only/);
    }
    assert.match(
      faultOf({ kind: 'openai', headers: { 'x-a': '{{secret}}' } }),
      /metadata\.secret: is missing/,
    );
  });
});

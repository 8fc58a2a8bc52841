import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import https from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { createOutgoingHttp, type ResolvedAddress } from '../../../runtime/host/outgoing-http';
import type { OutgoingRequest, OutgoingResponse } from '../../../runtime/kernels/kernel-context';
import { type ProviderServer, startProviderServer } from '../../support/provider-server';
import { selfSignedCertificate } from '../../support/self-signed-certificate';

const LOOPBACK: readonly ResolvedAddress[] = [{ address: '127.0.0.1', family: 4 }];

function get(url: string, more: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return { method: 'GET', url, headers: {}, timeoutMs: 5_000, maxResponseBytes: 10_000, ...more };
}

/** The error's code; `ok` for an answer. */
function codeOf(response: OutgoingResponse): string {
  return response.ok ? 'ok' : response.code;
}

/** A resolver with scripted answers that records look-ups. */
function resolver(...answers: readonly (readonly ResolvedAddress[])[]) {
  const asked: string[] = [];
  const resolve = async (hostname: string): Promise<readonly ResolvedAddress[]> => {
    asked.push(hostname);
    return answers[Math.min(asked.length, answers.length) - 1] ?? [];
  };
  return { asked, resolve };
}

const open: Server[] = [];
async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  open.push(server);
  return listen(server);
}

function listen(server: Server | https.Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

describe('outgoing http', () => {
  let provider: ProviderServer;
  let at: string;
  let allowed: string[];
  const fetch = createOutgoingHttp();

  before(async () => {
    provider = await startProviderServer();
    at = `http://127.0.0.1:${provider.port}`;
    allowed = [`127.0.0.1:${provider.port}`];
  });
  beforeEach(() => provider.reset());
  after(async () => {
    await provider.close();
    for (const server of open) {
      server.closeAllConnections();
      server.close();
    }
  });

  it('sends method, path, query, headers and body, and returns status, headers and body', async () => {
    const response = await fetch(
      get(`${at}/echo?q=a%20b`, { method: 'POST', headers: { 'x-one': '1' }, body: '{"text":"ü"}' }),
      allowed,
    );
    assert.ok(response.ok);
    assert.equal(response.status, 200);
    assert.equal(response.headers['content-type'], 'application/json');
    const [seen] = provider.requests;
    assert.equal(seen?.method, 'POST');
    assert.equal(seen?.path, '/echo?q=a%20b');
    assert.equal(seen?.headers['x-one'], '1');
    assert.deepEqual(seen?.body, { text: 'ü' });
    assert.equal(JSON.parse(response.body).method, 'POST');
  });

  it('returns an error status as an answer', async () => {
    provider.next({ kind: 'status', status: 429, headers: { 'retry-after': '7' } });
    const response = await fetch(get(at), allowed);
    assert.ok(response.ok);
    assert.equal(response.status, 429);
    assert.equal(response.headers['retry-after'], '7');
  });

  it('requests no compression, keeps no connection, and sets connection headers itself', async () => {
    const headers = {
      Host: 'elsewhere.example',
      Connection: 'upgrade',
      'Accept-Encoding': 'gzip',
      'Content-Length': '3',
      'Transfer-Encoding': 'chunked',
      'Proxy-Authorization': 'Basic eA==',
    };
    assert.equal(codeOf(await fetch(get(at, { headers, method: 'POST', body: '{}' }), allowed)), 'ok');
    const seen = provider.requests[0]?.headers;
    assert.equal(seen?.host, `127.0.0.1:${provider.port}`);
    assert.equal(seen?.connection, 'close');
    assert.equal(seen?.['accept-encoding'], 'identity');
    assert.equal(seen?.['content-length'], '2');
    assert.equal(seen?.['transfer-encoding'], undefined);
    assert.equal(seen?.['proxy-authorization'], undefined);
  });

  it('refuses hosts that are not on the list, without resolving them', async () => {
    const names = resolver(LOOPBACK);
    const guarded = createOutgoingHttp({ resolve: names.resolve });
    for (const url of [
      'https://evil.example/',
      'http://api.openai.com/',
      'https://api.openai.com:8443/',
      at,
    ]) {
      assert.equal(codeOf(await guarded(get(url), ['api.openai.com'])), 'host_not_allowed', url);
    }
    assert.equal(codeOf(await guarded(get('https://api.openai.com/'), [])), 'host_not_allowed');
    assert.deepEqual(names.asked, []);
  });

  it('refuses anything but plain http(s) URLs, and invalid methods', async () => {
    for (const url of [
      'file:///etc/passwd',
      'ftp://h/',
      'nonsense',
      `http://user:pw@127.0.0.1:${provider.port}/`,
    ]) {
      assert.equal(codeOf(await fetch(get(url), allowed)), 'bad_url', url);
    }
    for (const method of ['CONNECT', 'TRACE', 'GET / HTTP/1.1\r\n', 'get']) {
      assert.equal(codeOf(await fetch(get(at, { method }), allowed)), 'bad_url', method);
    }
    assert.equal(provider.requests.length, 0);
  });

  it('sends no header that would smuggle another', async () => {
    const response = await fetch(get(at, { headers: { 'x-a': 'b\r\nx-evil: 1' } }), allowed);
    assert.equal(codeOf(response), 'unreachable');
    assert.equal(provider.requests.length, 0);
  });

  for (const address of [
    '127.0.0.1',
    '10.0.0.1',
    '169.254.169.254',
    '::1',
    '::ffff:127.0.0.1',
    'fd00:ec2::254',
    'fe80::1',
  ]) {
    it(`refuses a listed public name whose DNS answer is ${address}`, async () => {
      const names = resolver([{ address, family: address.includes(':') ? 6 : 4 }]);
      const guarded = createOutgoingHttp({ resolve: names.resolve });
      const url = `http://api.example.com:${provider.port}/`;
      assert.equal(
        codeOf(await guarded(get(url), [`api.example.com:${provider.port}`])),
        'address_not_allowed',
      );
      assert.equal(provider.requests.length, 0);
    });
  }

  it('refuses a name when only one of its addresses is a private one', async () => {
    const names = resolver([{ address: '1.1.1.1', family: 4 }, ...LOOPBACK]);
    const guarded = createOutgoingHttp({ resolve: names.resolve });
    assert.equal(
      codeOf(await guarded(get('https://api.example.com/'), ['api.example.com'])),
      'address_not_allowed',
    );
  });

  it('connects to the checked address, with one look-up', async () => {
    // A second look-up would return another address, where nothing listens and which is not allowed.
    const names = resolver(LOOPBACK, [{ address: '169.254.169.254', family: 4 }]);
    const guarded = createOutgoingHttp({ resolve: names.resolve });
    const host = `ollama:${provider.port}`;
    assert.equal(codeOf(await guarded(get(`http://${host}/`), [host])), 'ok');
    assert.deepEqual(names.asked, ['ollama']);
    assert.equal(provider.requests[0]?.headers.host, host);
  });

  it('tries the next address when one cannot be reached', async () => {
    const names = resolver([{ address: '::1', family: 6 }, ...LOOPBACK]);
    const guarded = createOutgoingHttp({ resolve: names.resolve });
    const host = `localhost:${provider.port}`;
    assert.equal(codeOf(await guarded(get(`http://${host}/`), [host])), 'ok');
  });

  it('reports unreachable for a name without addresses, a failing name server, and a closed port', async () => {
    const none = createOutgoingHttp({ resolve: async () => [] });
    assert.equal(codeOf(await none(get('https://gone.example/'), ['gone.example'])), 'unreachable');
    const failing = createOutgoingHttp({
      resolve: () =>
        Promise.reject(Object.assign(new Error('getaddrinfo for 10.9.8.7'), { code: 'ENOTFOUND' })),
    });
    const response = await failing(get('https://gone.example/'), ['gone.example']);
    assert.equal(codeOf(response), 'unreachable');
    assert.ok(
      !response.ok && response.message.includes('ENOTFOUND') && !response.message.includes('10.9.8.7'),
    );
    const port = await new Promise<number>((resolve) => {
      const probe = createTcpServer().listen(0, '127.0.0.1', () => {
        const { port } = probe.address() as AddressInfo;
        probe.close(() => resolve(port));
      });
    });
    assert.equal(codeOf(await fetch(get(`http://127.0.0.1:${port}/`), [`127.0.0.1:${port}`])), 'unreachable');
  });

  for (const status of [301, 302, 303, 307, 308]) {
    it(`does not follow a ${status}`, async () => {
      provider.next({ kind: 'status', status, headers: { location: `${at}/elsewhere` } });
      assert.equal(codeOf(await fetch(get(at), allowed)), 'redirect');
      assert.equal(provider.requests.length, 1);
    });
  }

  it('bounds the whole exchange: a name server, a server and a body that never end', async () => {
    const hanging = createOutgoingHttp({ resolve: () => new Promise(() => undefined) });
    assert.equal(
      codeOf(await hanging(get('https://a.example/', { timeoutMs: 20 }), ['a.example'])),
      'timeout',
    );
    provider.next({ kind: 'silent' }, { kind: 'stalls' });
    assert.equal(codeOf(await fetch(get(at, { timeoutMs: 100 }), allowed)), 'timeout');
    assert.equal(codeOf(await fetch(get(at, { timeoutMs: 100 }), allowed)), 'timeout');
    assert.equal(provider.requests.length, 2);
  });

  it('refuses an answer above the limit, with or without content-length, and accepts one at the limit', async () => {
    provider.next({ kind: 'oversized', bytes: 10_001 }, { kind: 'oversized', bytes: 10_000 });
    assert.equal(codeOf(await fetch(get(at), allowed)), 'too_large');
    assert.equal(codeOf(await fetch(get(at), allowed)), 'ok');
    const port = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '999999' }).flushHeaders();
    });
    assert.equal(codeOf(await fetch(get(`http://127.0.0.1:${port}/`), [`127.0.0.1:${port}`])), 'too_large');
  });

  it('distinguishes a truncated body from a complete one', async () => {
    provider.next({ kind: 'truncated' });
    assert.equal(codeOf(await fetch(get(at), allowed)), 'truncated');
    const port = await serve((_request, response) => {
      response.write('{"half":', () => response.socket?.resetAndDestroy());
    });
    assert.equal(codeOf(await fetch(get(`http://127.0.0.1:${port}/`), [`127.0.0.1:${port}`])), 'truncated');
  });

  it('reports unreachable when the server closes without an answer or switches protocols', async () => {
    provider.next({ kind: 'hangs_up' });
    assert.equal(codeOf(await fetch(get(at), allowed)), 'unreachable');
    const port = await serve((_request, response) => {
      response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n');
    });
    assert.equal(codeOf(await fetch(get(`http://127.0.0.1:${port}/`), [`127.0.0.1:${port}`])), 'unreachable');
  });

  it('does not decompress an unrequested encoding', async () => {
    const port = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('not gzip');
    });
    assert.equal(codeOf(await fetch(get(`http://127.0.0.1:${port}/`), [`127.0.0.1:${port}`])), 'unreachable');
  });

  it('uses no proxy of the environment', async () => {
    const proxied: string[] = [];
    const port = await serve((request, response) => {
      proxied.push(request.url ?? '');
      response.end();
    });
    const proxy = `http://127.0.0.1:${port}`;
    const settings = { HTTP_PROXY: proxy, http_proxy: proxy, HTTPS_PROXY: proxy, NODE_USE_ENV_PROXY: '1' };
    // One by one, since replacing process.env by a copy would not affect the process, such as its time zone.
    const before = Object.keys(settings).map((name) => [name, process.env[name]] as const);
    Object.assign(process.env, settings);
    try {
      assert.equal(codeOf(await createOutgoingHttp()(get(`${at}/direct`), allowed)), 'ok');
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
    assert.deepEqual(proxied, []);
    assert.equal(provider.requests[0]?.path, '/direct');
  });

  it('repeats neither path, headers nor body in a refusal', async () => {
    const secret = 'sk-very-secret';
    const request = get(`${at}/${secret}?key=${secret}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}` },
      body: JSON.stringify({ secret }),
    });
    for (const hosts of [[], allowed]) {
      provider.next({ kind: 'status', status: 302, headers: { location: `/${secret}` } });
      const response = await fetch(request, hosts);
      assert.ok(!response.ok);
      assert.ok(!JSON.stringify(response).includes(secret), JSON.stringify(response));
      provider.reset();
    }
  });

  describe('over TLS', () => {
    const { key, cert } = selfSignedCertificate('llm.internal');
    let server: https.Server;
    let port: number;
    before(async () => {
      server = https.createServer({ key, cert }, (_request, response) => response.end('sealed'));
      port = await listen(server);
    });
    after(() => {
      server.closeAllConnections();
      server.close();
    });
    const names = (): { resolve: () => Promise<readonly ResolvedAddress[]> } => ({
      resolve: async () => LOOPBACK,
    });

    it('checks the certificate against the name, on the pinned address', async () => {
      const trusting = createOutgoingHttp({ ...names(), ca: cert });
      const good = await trusting(get(`https://llm.internal:${port}/`), [`llm.internal:${port}`]);
      assert.ok(good.ok, JSON.stringify(good));
      assert.equal(good.body, 'sealed');
      const other = await trusting(get(`https://other.internal:${port}/`), [`other.internal:${port}`]);
      assert.ok(!other.ok && other.message.includes('ERR_TLS_CERT_ALTNAME_INVALID'), JSON.stringify(other));
    });

    it('refuses an untrusted certificate', async () => {
      const response = await createOutgoingHttp(names())(get(`https://llm.internal:${port}/`), [
        `llm.internal:${port}`,
      ]);
      assert.ok(
        !response.ok && /SELF_SIGNED|UNABLE_TO_VERIFY/.test(response.message),
        JSON.stringify(response),
      );
    });
  });
});

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { assertProblem } from '../support/problem';
import { appendHead, lengthOf, RawHost, received } from '../support/raw-host';
import { type Answer, createTestStage0, type TestStage0 } from '../support/test-stage0';

const MIB = 1024 * 1024;
const good = { entity_type: 'note', who: 'alice', this: 'hello' };

describe('requests and answers of the API behind a socket', () => {
  let stage0: TestStage0;
  let host: RawHost;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0();
    host = await RawHost.start();
    host.serve(stage0.fetch);
    token = await stage0.token('alice', 'acme');
  });
  after(async () => {
    await host.close();
    await stage0.close();
  });

  const headers = () => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' });
  const head = (...lines: string[]) => appendHead(token, ...lines);
  const stored = async (): Promise<number> => (await stage0.call('/api/timeline', { token })).body.count;
  const answerOf = async (response: Response): Promise<Answer> => ({
    status: response.status,
    headers: response.headers,
    body: await response.json(),
  });

  it('a body that ends half-way stores nothing, whether its length was announced or not', async () => {
    const before = await stored();
    const body = JSON.stringify(good);
    const half = body.slice(0, -5);
    const cut = [
      `${head(`content-length: ${body.length}`)}${half}`,
      // A complete span, but shorter than its content-length.
      `${head(`content-length: ${body.length + 1}`)}${body}`,
      `${head('transfer-encoding: chunked')}${body.length.toString(16)}\r\n${half}`,
      `${head('transfer-encoding: chunked')}${body.length.toString(16)}\r\n${body}\r\n`,
    ];
    for (const text of cut) {
      const socket = await host.open(text);
      socket.end();
      await received(socket);
      const reset = await host.open(text);
      reset.resetAndDestroy();
    }
    const answer = await fetch(`${host.url}/api/spans`, { method: 'POST', headers: headers(), body });
    assert.equal(answer.status, 201);
    assert.equal(await stored(), before + 1);
  });

  it('a request of more than 4 MiB gets 413, and the connection stays usable', async () => {
    const before = await stored();
    const large = 'x'.repeat(4 * MIB + 1);
    for (const body of [large, new Blob([large]).stream()]) {
      const response = await fetch(`${host.url}/api/spans`, {
        method: 'POST',
        headers: headers(),
        body,
        duplex: 'half',
      });
      assertProblem(await answerOf(response), 413);
    }
    assert.equal(await stored(), before);
    assert.equal((await fetch(`${host.url}/api/health`)).status, 200);
  });

  it('a span of 1 MiB travels whole', async () => {
    const body = JSON.stringify({ ...good, description: 'ü'.repeat(500_000) });
    const posted = await fetch(`${host.url}/api/spans`, { method: 'POST', headers: headers(), body });
    assert.equal(posted.status, 201);
    const { span } = (await posted.json()) as { span: { id: string } };
    const read = await fetch(`${host.url}/api/spans/${span.id}`, { headers: headers() });
    assert.deepEqual(((await read.json()) as { span: unknown }).span, span);
  });

  it('NDJSON that trickles in is one request', async () => {
    const lines = Array.from(
      { length: 5 },
      (_, index) => `${JSON.stringify({ ...good, this: `line ${index}` })}\n`,
    ).join('');
    const bytes = Buffer.from(lines);
    const body = new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += 7) controller.enqueue(bytes.subarray(at, at + 7));
        controller.close();
      },
    });
    const response = await fetch(`${host.url}/api/spans`, {
      method: 'POST',
      headers: { ...headers(), 'content-type': 'application/x-ndjson' },
      body,
      duplex: 'half',
    });
    assert.equal(response.status, 201);
    assert.equal(((await response.json()) as { count: number }).count, 5);
  });

  it('data that is no HTTP gets an answer or is cut, and other clients are served', async () => {
    for (const text of [
      'nonsense\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
      'GET http://[ HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
      'GET /api/timeline?%zz=%zz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
      'GET /api/spans/%zz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
      'GET //evil.example/api/health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
      'GET /api/health HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n',
      `${head('content-length: 5', 'transfer-encoding: chunked', 'connection: close')}0\r\n\r\n`,
    ]) {
      const socket = await host.open(text);
      socket.end();
      const answer = await received(socket);
      assert.match(answer, /^(HTTP\/1\.1 4\d\d|$)/, text.slice(0, 60));
    }
    assert.equal((await fetch(`${host.url}/api/health`)).status, 200);
  });

  it('a body in thousands of tiny chunks is refused, one in larger chunks is not', async () => {
    const chunks = (size: number, count: number): string =>
      `${size.toString(16)}\r\n${' '.repeat(size)}\r\n`.repeat(count);
    const body = JSON.stringify(good);
    const end = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const post = head('transfer-encoding: chunked', 'connection: close');
    assert.match(
      await received(await host.open(`${post}${chunks(1, 20_000)}${end}`)),
      /^HTTP\/1\.1 400 (?:.|\s)*small chunks/,
    );
    assert.match(await received(await host.open(`${post}${chunks(100, 20_000)}${end}`)), /^HTTP\/1\.1 201 /);
  });

  it('of unread answers, those that have waited longest are cut, and the latest is kept', async () => {
    const bytes = 16 * MIB;
    const slow = await RawHost.start({ unsentBytes: 24 * MIB });
    slow.serve(() => new Response('x'.repeat(bytes)));
    const open: Socket[] = [];
    try {
      for (let count = 0; count < 8; count += 1) {
        const socket = await slow.open('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
        // The first bytes arrived, so the answer was written.
        await once(socket, 'readable');
        open.push(socket);
      }
      const [first, last] = [open.at(0), open.at(-1)];
      assert.ok(first !== undefined && last !== undefined);
      const received = await Promise.all([lengthOf(first), lengthOf(last)]);
      assert.ok(received[0] < bytes, `the first one got ${received[0]} bytes`);
      assert.ok(received[1] > bytes, `the last one got ${received[1]} bytes`);
    } finally {
      await slow.close();
    }
  });

  it('of unread answers, those of the tenant with the most are cut, and not an older one of another', async () => {
    const bytes = 16 * MIB;
    const slow = await RawHost.start({ unsentBytes: 40 * MIB });
    slow.serve(
      () => new Response('x'.repeat(bytes)),
      (authorization = '') => authorization,
    );
    const open: Socket[] = [];
    try {
      for (const tenant of ['slow', 'deaf', 'deaf', 'deaf', 'deaf']) {
        const socket = await slow.open(
          `GET / HTTP/1.1\r\nhost: a\r\nauthorization: ${tenant}\r\nconnection: close\r\n\r\n`,
        );
        await once(socket, 'readable');
        open.push(socket);
      }
      const [first] = open;
      assert.ok(first !== undefined);
      assert.ok((await lengthOf(first)) > bytes);
    } finally {
      await slow.close();
    }
  });

  it('HEAD answers as GET without a body', async () => {
    const response = await fetch(`${host.url}/api/timeline`, { method: 'HEAD', headers: headers() });
    assert.equal(response.status, 200);
    assert.equal(await response.text(), '');
  });

  it('every answer names its request, in the words of the caller when there are some', async () => {
    const named = await fetch(`${host.url}/api/health`, { headers: { 'x-request-id': 'mine-1' } });
    assert.equal(named.headers.get('x-request-id'), 'mine-1');
    const forged = await fetch(`${host.url}/api/spans/${randomUUID()}`, {
      headers: { 'x-request-id': 'a b"{}' },
    });
    assert.match(forged.headers.get('x-request-id') ?? '', /^[0-9a-f]{16}$/);
  });

  describe('the HTTP layer', () => {
    const problemIn = (text: string) => {
      const [headers = '', body = ''] = text.split('\r\n\r\n');
      assert.match(headers, /content-type: application\/problem\+json/i);
      assert.match(headers, /x-request-id: \S+/i);
      assert.match(headers, /x-content-type-options: nosniff/i);
      return JSON.parse(body);
    };

    it('answers a problem for data that is no HTTP, for bad hosts and for too many headers', async () => {
      const cases: readonly [string, number][] = [
        ['NONSENSE\r\n\r\n', 400],
        ['GET /api/health HTTP/1.1\r\nconnection: close\r\n\r\n', 400],
        ['GET /api/health HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n', 400],
        ['GET /api/health HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n', 400],
        [`GET /api/health HTTP/1.1\r\nhost: x\r\nbig: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
      ];
      for (const [text, status] of cases) {
        const answer = await received(await host.open(text));
        assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), text.slice(0, 60));
        assert.equal(problemIn(answer).status, status);
      }
    });

    it('answers HTTP/1.0 without Host, as load balancers ask', async () => {
      const answer = await received(await host.open('GET /api/health HTTP/1.0\r\n\r\n'));
      assert.match(answer, /^HTTP\/1\.[01] 200 /);
    });
  });
});

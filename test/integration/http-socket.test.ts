import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type HttpHost, openHttpHost, SOCKET_LIMITS } from '../../local/http-host';
import { assertProblem } from '../support/problem';
import { type Answer, createTestStage0, type TestStage0 } from '../support/test-stage0';

const MIB = 1024 * 1024;
const good = { entity_type: 'note', who: 'alice', this: 'hello' };

describe('API behind a socket', () => {
  let stage0: TestStage0;
  let host: HttpHost;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0();
    host = await openHttpHost(0, '127.0.0.1');
    host.serve(stage0.fetch);
    token = await stage0.token('alice', 'acme');
  });
  after(async () => {
    await host.close(100);
    await stage0.close();
  });

  const headers = () => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' });
  const stored = async (): Promise<number> => (await stage0.call('/api/timeline', { token })).body.count;
  const answerOf = async (response: Response): Promise<Answer> => ({
    status: response.status,
    headers: response.headers,
    body: await response.json(),
  });

  /** Sends raw text. */
  async function send(text: string): Promise<Socket> {
    const socket = connect(host.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(text);
    return socket;
  }
  async function received(socket: Socket): Promise<string> {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    // A test may expect a connection reset.
    await new Promise((resolve) => socket.once('close', resolve));
    return text;
  }
  async function lengthOf(socket: Socket): Promise<number> {
    let length = 0;
    socket.on('data', (chunk) => {
      length += chunk.length;
    });
    await new Promise((resolve) => socket.once('close', resolve));
    return length;
  }
  const head = (...lines: string[]) =>
    [
      'POST /api/spans HTTP/1.1',
      'host: localhost',
      `authorization: Bearer ${token}`,
      'content-type: application/json',
      ...lines,
      '',
      '',
    ].join('\r\n');

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
      const socket = await send(text);
      socket.end();
      await received(socket);
      const reset = await send(text);
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
      const socket = await send(text);
      socket.end();
      const answer = await received(socket);
      assert.match(answer, /^(HTTP\/1\.1 4\d\d|$)/, text.slice(0, 60));
    }
    assert.equal((await fetch(`${host.url}/api/health`)).status, 200);
  });

  it('connections above the limit get 503 with Retry-After, and the others are served', async () => {
    const small = await openHttpHost(0, '127.0.0.1', { connectionsPerAddress: 3, graceMs: 60_000 });
    small.serve(stage0.fetch);
    const open: Socket[] = [];
    try {
      for (let count = 0; count < 3; count += 1) {
        const socket = connect(small.port, '127.0.0.1');
        await once(socket, 'connect');
        open.push(socket);
      }
      const refused = connect(small.port, '127.0.0.1');
      const text = await received(refused);
      assert.match(text, /^HTTP\/1\.1 503 /);
      assert.match(text, /retry-after: 1\r\n/);
      const [first] = open;
      first?.write('GET /api/health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      assert.match(first === undefined ? '' : await received(first), /^HTTP\/1\.1 200 /);
      assert.equal((await fetch(`${small.url}/api/health`)).status, 200);
    } finally {
      for (const socket of open) socket.destroy();
      await small.close(100);
    }
  });

  it('connections of all addresses together are limited, too', async () => {
    const small = await openHttpHost(0, '127.0.0.1', { connections: 2, graceMs: 60_000 });
    small.serve(stage0.fetch);
    const open: Socket[] = [];
    try {
      for (let count = 0; count < 2; count += 1) {
        const socket = connect(small.port, '127.0.0.1');
        await once(socket, 'connect');
        open.push(socket);
      }
      assert.match(await received(connect(small.port, '127.0.0.1')), /^HTTP\/1\.1 503 /);
    } finally {
      for (const socket of open) socket.destroy();
      await small.close(100);
    }
  });

  it('what a refused connection sends is not served, and it is cut, however long its client holds it', async () => {
    const none = await openHttpHost(0, '127.0.0.1', { connections: 0 });
    let served = 0;
    none.serve(() => {
      served += 1;
      return new Response('served');
    });
    const socket = connect({ port: none.port, host: '127.0.0.1', allowHalfOpen: true });
    let answer = '';
    // The server has closed it once it answers to what is written with a reset.
    const hold = setInterval(() => socket.write('x'), 100);
    try {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      await once(socket, 'connect');
      socket.write('POST /api/spans HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n{}');
      await new Promise((resolve) => socket.once('close', resolve));
      assert.match(answer, /^HTTP\/1\.1 503 /);
      assert.equal(served, 0);
    } finally {
      clearInterval(hold);
      socket.destroy();
      await none.close(100);
    }
  });

  it('an address that has too many gives up one of its own, and none of another', async function () {
    // Only Linux answers on all of 127.0.0.0/8.
    if (process.platform !== 'linux') this.skip();
    const small = await openHttpHost(0, '127.0.0.1', { connectionsPerAddress: 2, graceMs: 0 });
    small.serve(() => new Response('ok'));
    const open: Socket[] = [];
    const opened = async (localAddress: string): Promise<Socket> => {
      const socket = connect({ port: small.port, host: '127.0.0.1', localAddress });
      socket.on('error', () => undefined);
      open.push(socket);
      await once(socket, 'connect');
      return socket;
    };
    try {
      const [quiet, first] = [await opened('127.0.0.2'), await opened('127.0.0.3')];
      await opened('127.0.0.3');
      const ended = received(first);
      await opened('127.0.0.3');
      assert.equal(await ended, '');
      quiet.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      assert.match(await received(quiet), /^HTTP\/1\.1 200 /);
    } finally {
      for (const socket of open) socket.destroy();
      await small.close(100);
    }
  });

  it('a connection on which nothing comes or goes is cut, also while its request is being served', async () => {
    const quick = await openHttpHost(0, '127.0.0.1', { silentMs: 200 });
    quick.serve(() => new Promise<Response>(() => undefined));
    try {
      const socket = connect(quick.port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
      assert.equal(await received(socket), '');
    } finally {
      await quick.close(100);
    }
  });

  it('a local run has limits that suit a proxy in front and the longest run', () => {
    const { connections, connectionsPerAddress, unsentBytes, ...times } = SOCKET_LIMITS;
    assert.deepEqual([connections, connectionsPerAddress, unsentBytes], [4_000, 2_000, 32 * MIB]);
    assert.deepEqual(times, { graceMs: 100, headersMs: 15_000, requestMs: 60_000, silentMs: 120_000 });
  });

  it('a thousand clients can connect while the thread is busy', async function () {
    const most = await readFile('/proc/sys/net/core/somaxconn', 'utf8').catch(() => '0');
    if (Number(most) < 1_000) this.skip();
    const client = `
      let open = 0;
      for (let count = 0; count < 1000; count += 1)
        require('node:net').connect(${host.port}, '127.0.0.1', () => (open += 1) === 1000 && process.exit(0));
      setTimeout(() => { console.log(open); process.exit(1); }, 20_000);`;
    // Synchronous, so that this thread takes up none of them. Those for which the queue is too short wait for a minute.
    assert.equal(spawnSync(process.execPath, ['-e', client]).status, 0);
  });

  it('when there are too many connections, the one goes that has waited longest for its client', async () => {
    const small = await openHttpHost(0, '127.0.0.1', {
      connectionsPerAddress: 3,
      graceMs: 0,
    });
    let answer: (response: Response) => void = () => assert.fail('nothing is being served');
    const asked = new Promise<void>((resolve) => {
      small.serve((asking) => {
        if (asking.method === 'GET') return new Response('ok');
        resolve();
        return new Promise((settle) => {
          answer = settle;
        });
      });
    });
    const open: Socket[] = [];
    const opened = async (text: string): Promise<Socket> => {
      const socket = connect(small.port, '127.0.0.1');
      socket.on('error', () => undefined);
      open.push(socket);
      await once(socket, 'connect');
      socket.write(text);
      return socket;
    };
    try {
      const served = await opened('POST /whole HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}');
      await asked;
      const silent = await opened('POST /half HTTP/1.1\r\nhost: a\r\nx: ');
      const later = await opened('');
      const silentEnd = received(silent);
      const newest = await opened('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      assert.match(await received(newest), /^HTTP\/1\.1 200 /);
      assert.equal(await silentEnd, '');
      assert.equal(later.destroyed, false);
      const [head] = await Promise.all([once(served, 'data'), answer(new Response('late'))]);
      assert.match(String(head[0]), /^HTTP\/1\.1 200 /);
    } finally {
      for (const socket of open) socket.destroy();
      await small.close(100);
    }
  });

  it('what was sent whole behind another request is answered, however many come', async () => {
    const small = await openHttpHost(0, '127.0.0.1', {
      connectionsPerAddress: 2,
      graceMs: 0,
    });
    let answer: (response: Response) => void = () => assert.fail('nothing is being served');
    let begun: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      begun = resolve;
    });
    small.serve(async (asking) => {
      if (asking.method === 'POST') await asking.text();
      if (!asking.url.endsWith('/slow')) return new Response('ok');
      begun();
      return new Promise((settle) => {
        answer = settle;
      });
    });
    const get = (target: string) => `GET ${target} HTTP/1.1\r\nhost: a\r\n\r\n`;
    const open: Socket[] = [];
    const opened = async (text: string): Promise<Socket> => {
      const socket = connect(small.port, '127.0.0.1');
      socket.on('error', () => undefined);
      open.push(socket);
      await once(socket, 'connect');
      socket.write(text);
      return socket;
    };
    try {
      const pipelined = await opened(get('/fast') + get('/slow'));
      await Promise.all([once(pipelined, 'data'), asked]);
      const sending = await opened(get('/first'));
      await once(sending, 'data');
      sending.write('POST /half HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{');
      // The only one that waits for its client is the one that is sending.
      const sent = received(sending);
      const idle = await opened(get('/idle'));
      assert.equal(await sent, '');
      await once(idle, 'data');
      const newest = await opened(get('/newest'));
      await once(newest, 'data');
      assert.equal(pipelined.destroyed, false);
      const [slow] = await Promise.all([once(pipelined, 'data'), answer(new Response('late'))]);
      assert.match(String(slow[0]), /late|200/);
    } finally {
      for (const socket of open) socket.destroy();
      await small.close(100);
    }
  });

  it('a connection with more unanswered requests than a pipelining client sends is cut', async () => {
    const { promise, resolve } = Promise.withResolvers<Response>();
    const host = await openHttpHost(0, '127.0.0.1');
    let served = 0;
    host.serve(() => {
      served += 1;
      return promise.then((answer) => answer.clone());
    });
    const pipelined = async (count: number): Promise<string> => {
      const socket = connect(host.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(count - 1));
      socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      return received(socket);
    };
    try {
      assert.equal(await pipelined(10_000), '');
      assert.ok(served <= 32, `${served} requests of one connection were served at once`);
      resolve(new Response('late'));
      assert.equal((await pipelined(32)).match(/HTTP\/1\.1 200 /g)?.length, 32);
    } finally {
      await host.close(100);
    }
  });

  it('a body in thousands of tiny chunks is refused, one in larger chunks is not', async () => {
    const chunks = (size: number, count: number): string =>
      `${size.toString(16)}\r\n${' '.repeat(size)}\r\n`.repeat(count);
    const body = JSON.stringify(good);
    const end = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const post = head('transfer-encoding: chunked', 'connection: close');
    assert.match(
      await received(await send(`${post}${chunks(1, 20_000)}${end}`)),
      /^HTTP\/1\.1 400 (?:.|\s)*small chunks/,
    );
    assert.match(await received(await send(`${post}${chunks(100, 20_000)}${end}`)), /^HTTP\/1\.1 201 /);
  });

  it('of unread answers, those that have waited longest are cut, and the latest is kept', async () => {
    const bytes = 16 * MIB;
    const slow = await openHttpHost(0, '127.0.0.1', { unsentBytes: 24 * MIB });
    slow.serve(() => new Response('x'.repeat(bytes)));
    const open: Socket[] = [];
    try {
      for (let count = 0; count < 8; count += 1) {
        const socket = connect(slow.port, '127.0.0.1');
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
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
      for (const socket of open) socket.destroy();
      await slow.close(100);
    }
  });

  it('of unread answers, those of the caller with the most are cut, and not an older one of another', async () => {
    const bytes = 16 * MIB;
    const slow = await openHttpHost(0, '127.0.0.1', { unsentBytes: 40 * MIB });
    slow.serve(() => new Response('x'.repeat(bytes)));
    const open: Socket[] = [];
    try {
      for (const caller of ['slow', 'deaf', 'deaf', 'deaf', 'deaf']) {
        const socket = connect(slow.port, '127.0.0.1');
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        socket.write(`GET / HTTP/1.1\r\nhost: a\r\nauthorization: ${caller}\r\nconnection: close\r\n\r\n`);
        await once(socket, 'readable');
        open.push(socket);
      }
      const [first] = open;
      assert.ok(first !== undefined);
      assert.ok((await lengthOf(first)) > bytes);
    } finally {
      for (const socket of open) socket.destroy();
      await slow.close(100);
    }
  });

  it('a header has a time of its own, shorter than that of a whole request', async () => {
    const quick = await openHttpHost(0, '127.0.0.1', { headersMs: 200 });
    try {
      const socket = connect(quick.port, '127.0.0.1');
      socket.write('GET /api/health HTTP/1.1\r\nhost:');
      assert.match(await received(socket), /^HTTP\/1\.1 408 /);
    } finally {
      await quick.close(100);
    }
  });

  it('a header, a body and a connection that do not come to their end are cut', async () => {
    const quick = await openHttpHost(0, '127.0.0.1', { headersMs: 200, requestMs: 400, silentMs: 5_000 });
    quick.serve(stage0.fetch);
    try {
      for (const text of [
        '',
        'GET /api/health HTTP/1.1\r\nhost:',
        `${head('content-length: 1000')}{`,
        `${head('transfer-encoding: chunked')}5\r\n{"a"`,
      ]) {
        const socket = connect(quick.port, '127.0.0.1');
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        socket.write(text);
        assert.match(await received(socket), /^(HTTP\/1\.1 4\d\d|$)/, text);
      }
    } finally {
      await quick.close(100);
    }
  });

  it('a thousand connections that post are each answered, or refused with Retry-After', async () => {
    const body = JSON.stringify(good);
    const text = `${head(`content-length: ${body.length}`, 'connection: close')}${body}`;
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, async () => {
        const socket = await send(text);
        return received(socket);
      }),
    );
    for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 (201|503|429) /);
    for (const answer of answers.filter((text) => !text.startsWith('HTTP/1.1 201')))
      assert.match(answer, /retry-after: /i);
  });

  it('a thousand connections that stay open are answered, or refused with Retry-After, time after time', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1_000 });
    const opened = new Set<Socket>();
    const post = async (): Promise<readonly [number | undefined, string | undefined]> => {
      const body = JSON.stringify(good);
      const sent = request(`${host.url}/api/spans`, { method: 'POST', agent, headers: headers() });
      sent.once('socket', (socket) => opened.add(socket));
      sent.end(body);
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      answer.resume();
      await once(answer, 'end');
      return [answer.statusCode, answer.headers['retry-after']];
    };
    try {
      const rounds = Array.from({ length: 1_000 }, async () => [await post(), await post(), await post()]);
      const answers = (await Promise.all(rounds)).flat();
      assert.equal(answers.length, 3_000);
      for (const [status, retryAfter] of answers)
        assert.ok(status === 201 || ((status === 503 || status === 429) && Number(retryAfter) >= 1));
      assert.equal(opened.size, 1_000);
    } finally {
      agent.destroy();
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
        const answer = await received(await send(text));
        assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), text.slice(0, 60));
        assert.equal(problemIn(answer).status, status);
      }
    });

    it('answers HTTP/1.0 without Host, as load balancers ask', async () => {
      const answer = await received(await send('GET /api/health HTTP/1.0\r\n\r\n'));
      assert.match(answer, /^HTTP\/1\.[01] 200 /);
    });
  });
});

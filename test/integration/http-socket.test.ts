import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { SOCKET_LIMITS } from '../../local/http-host';
import { appendHead, RawHost, received } from '../support/raw-host';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

const MIB = 1024 * 1024;
const good = { entity_type: 'note', who: 'alice', this: 'hello' };

describe('connections to the API', () => {
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

  it('connections above the limit get 503 with Retry-After, and the others are served', async () => {
    const small = await RawHost.start({ connectionsPerAddress: 3, graceMs: 60_000 });
    small.serve(stage0.fetch);
    try {
      const first = await small.open();
      for (let count = 1; count < 3; count += 1) await small.open();
      const text = await received(await small.open());
      assert.match(text, /^HTTP\/1\.1 503 /);
      assert.match(text, /retry-after: 1\r\n/);
      first.write('GET /api/health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      assert.match(await received(first), /^HTTP\/1\.1 200 /);
      assert.equal((await fetch(`${small.url}/api/health`)).status, 200);
    } finally {
      await small.close();
    }
  });

  it('connections whose tokens nobody verified are strangers’, and push out none of a tenant', async () => {
    const small = await RawHost.start({ connectionsPerAddress: 4, graceMs: 0 });
    small.serve(stage0.fetch, stage0.tenantOf);
    const asked = async (path: string, sent: string): Promise<Socket> => {
      const socket = await small.open(
        `GET ${path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${sent}\r\n\r\n`,
      );
      await once(socket, 'data');
      return socket;
    };
    try {
      const own = [await asked('/api/me', token), await asked('/api/me', token)];
      for (let count = 0; count < 8; count += 1) await asked('/api/health', `any.${count}.x`);
      for (const socket of own) {
        assert.equal(socket.destroyed, false);
        socket.write('GET /api/health HTTP/1.1\r\nhost: a\r\n\r\n');
        const first = await Promise.race([once(socket, 'data'), once(socket, 'close')]);
        assert.match(String(first), /^HTTP\/1\.1 200 /);
      }
    } finally {
      await small.close();
    }
  });

  it('connections of all addresses together are limited, too', async () => {
    const small = await RawHost.start({ connections: 2, graceMs: 60_000 });
    small.serve(stage0.fetch);
    try {
      for (let count = 0; count < 2; count += 1) await small.open();
      assert.match(await received(await small.open()), /^HTTP\/1\.1 503 /);
    } finally {
      await small.close();
    }
  });

  it('what a refused connection sends is not served, and it is cut, however long its client holds it', async () => {
    const none = await RawHost.start({ connections: 0 });
    let served = 0;
    none.serve(() => {
      served += 1;
      return new Response('served');
    });
    const text = 'POST /api/spans HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n{}';
    const socket = await none.open(text, { allowHalfOpen: true });
    // The server has closed it once it answers to what is written with a reset.
    const hold = setInterval(() => socket.write('x'), 100);
    try {
      assert.match(await received(socket), /^HTTP\/1\.1 503 /);
      assert.equal(served, 0);
    } finally {
      clearInterval(hold);
      await none.close();
    }
  });

  it('an address that has too many gives up one of its own, and none of another', async function () {
    // Only Linux answers on all of 127.0.0.0/8.
    if (process.platform !== 'linux') this.skip();
    const small = await RawHost.start({ connectionsPerAddress: 2, graceMs: 0 });
    small.serve(() => new Response('ok'));
    try {
      const [quiet, first] = [
        await small.open('', { localAddress: '127.0.0.2' }),
        await small.open('', { localAddress: '127.0.0.3' }),
      ];
      await small.open('', { localAddress: '127.0.0.3' });
      const ended = received(first);
      await small.open('', { localAddress: '127.0.0.3' });
      assert.equal(await ended, '');
      quiet.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      assert.match(await received(quiet), /^HTTP\/1\.1 200 /);
    } finally {
      await small.close();
    }
  });

  it('a connection on which nothing comes or goes is cut, also while its request is being served', async () => {
    const quick = await RawHost.start({ silentMs: 200 });
    quick.serve(() => new Promise<Response>(() => undefined));
    try {
      const socket = await quick.open('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
      assert.equal(await received(socket), '');
    } finally {
      await quick.close();
    }
  });

  it('a local run has limits that suit a proxy in front and the longest run', () => {
    const { connections, connectionsPerAddress, unsentBytes, ...times } = SOCKET_LIMITS;
    assert.deepEqual([connections, connectionsPerAddress, unsentBytes], [8_000, 4_000, 32 * MIB]);
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
    const small = await RawHost.start({
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
    try {
      const served = await small.open('POST /whole HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}');
      await asked;
      const silent = await small.open('POST /half HTTP/1.1\r\nhost: a\r\nx: ');
      const later = await small.open('');
      const silentEnd = received(silent);
      const newest = await small.open('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      assert.match(await received(newest), /^HTTP\/1\.1 200 /);
      assert.equal(await silentEnd, '');
      assert.equal(later.destroyed, false);
      const [head] = await Promise.all([once(served, 'data'), answer(new Response('late'))]);
      assert.match(String(head[0]), /^HTTP\/1\.1 200 /);
    } finally {
      await small.close();
    }
  });

  it('what was sent whole behind another request is answered, however many come', async () => {
    const small = await RawHost.start({
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
    try {
      const pipelined = await small.open(get('/fast') + get('/slow'));
      await Promise.all([once(pipelined, 'data'), asked]);
      const sending = await small.open(get('/first'));
      await once(sending, 'data');
      sending.write('POST /half HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{');
      // The only one that waits for its client is the one that is sending.
      const sent = received(sending);
      const idle = await small.open(get('/idle'));
      assert.equal(await sent, '');
      await once(idle, 'data');
      const newest = await small.open(get('/newest'));
      await once(newest, 'data');
      assert.equal(pipelined.destroyed, false);
      const [slow] = await Promise.all([once(pipelined, 'data'), answer(new Response('late'))]);
      assert.match(String(slow[0]), /late|200/);
    } finally {
      await small.close();
    }
  });

  it('a connection with more unanswered requests than a pipelining client sends is cut', async () => {
    const { promise, resolve } = Promise.withResolvers<Response>();
    const host = await RawHost.start();
    let served = 0;
    host.serve(() => {
      served += 1;
      return promise.then((answer) => answer.clone());
    });
    const get = 'GET / HTTP/1.1\r\nhost: a\r\n';
    const pipelined = async (count: number): Promise<string> =>
      received(await host.open(`${`${get}\r\n`.repeat(count - 1)}${get}connection: close\r\n\r\n`));
    try {
      assert.equal(await pipelined(10_000), '');
      assert.ok(served <= 32, `${served} requests of one connection were served at once`);
      resolve(new Response('late'));
      assert.equal((await pipelined(32)).match(/HTTP\/1\.1 200 /g)?.length, 32);
    } finally {
      await host.close();
    }
  });

  it('a header has a time of its own, shorter than that of a whole request', async () => {
    const quick = await RawHost.start({ headersMs: 200 });
    try {
      const socket = await quick.open('GET /api/health HTTP/1.1\r\nhost:');
      assert.match(await received(socket), /^HTTP\/1\.1 408 /);
    } finally {
      await quick.close();
    }
  });

  it('a header, a body and a connection that do not come to their end are cut', async () => {
    const quick = await RawHost.start({ headersMs: 200, requestMs: 400, silentMs: 5_000 });
    quick.serve(stage0.fetch);
    try {
      for (const text of [
        '',
        'GET /api/health HTTP/1.1\r\nhost:',
        `${head('content-length: 1000')}{`,
        `${head('transfer-encoding: chunked')}5\r\n{"a"`,
      ]) {
        const socket = await quick.open(text);
        assert.match(await received(socket), /^(HTTP\/1\.1 4\d\d|$)/, text);
      }
    } finally {
      await quick.close();
    }
  });

  it('a thousand connections that post are each answered, or refused with Retry-After', async () => {
    const body = JSON.stringify(good);
    const text = `${head(`content-length: ${body.length}`, 'connection: close')}${body}`;
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, async () => {
        const socket = await host.open(text);
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
});

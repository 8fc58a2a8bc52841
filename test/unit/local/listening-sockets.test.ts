import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { ListeningSockets } from '../../../local/listening-sockets';
import { OperatorError } from '../../../local/operator-error';

describe('sockets that listen', () => {
  const host = '127.0.0.1';

  it('take up several connections at a turn of the event loop, where the system can share a port', async function () {
    if (process.platform !== 'linux') this.skip();
    const server = createServer();
    const sockets = await ListeningSockets.open(server, 0, host);
    let turn = 0;
    let isOver = false;
    const perTurn = new Map<number, number>();
    server.on('connection', () => perTurn.set(turn, (perTurn.get(turn) ?? 0) + 1));
    const count = (): void => {
      turn += 1;
      if (!isOver) setImmediate(count);
    };
    const clients = Array.from({ length: 64 }, () => connect(sockets.port, host));
    // Blocks this thread until the system has completed them all, so that they wait together.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    count();
    await Promise.all(clients.map((client) => once(client, 'connect')));
    while ([...perTurn.values()].reduce((sum, one) => sum + one, 0) < clients.length)
      await once(server, 'connection');
    isOver = true;
    for (const client of clients) client.destroy();
    await sockets.close();
    assert.ok(Math.max(...perTurn.values()) > 1, [...perTurn.values()].join());
  });

  it('share no port with those of another program, not even with those of another LogLine', async () => {
    const first = await ListeningSockets.open(createServer(), 0, host);
    try {
      await assert.rejects(
        ListeningSockets.open(createServer(), first.port, host),
        (error) => error instanceof OperatorError && error.message.includes('in use'),
      );
    } finally {
      await first.close();
    }
  });

  it('serve all of their connections, and close when these have ended', async () => {
    const server = createServer((_request, response) => response.end('hello'));
    const sockets = await ListeningSockets.open(server, 0, host);
    const texts = await Promise.all(
      Array.from({ length: 32 }, async () =>
        (await fetch(`http://${host}:${sockets.port}/`, { headers: { connection: 'close' } })).text(),
      ),
    );
    assert.deepEqual(new Set(texts), new Set(['hello']));
    await sockets.close();
    await assert.rejects(fetch(`http://${host}:${sockets.port}/`));
  });
});

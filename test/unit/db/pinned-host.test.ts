import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { PinnedHost, ResolvingSocket } from '../../../runtime/db/pinned-host';
import { clientConfig } from '../../../runtime/db/pool';

/** Servers of one port at several addresses of loopback, which say where they are. */
async function startServers(addresses: readonly string[]): Promise<readonly Server[]> {
  const servers: Server[] = [];
  let port = 0;
  for (const address of addresses) {
    const server = createServer((socket) => socket.end(address));
    server.listen(port, address);
    await once(server, 'listening');
    const bound = server.address();
    if (typeof bound === 'object' && bound !== null) port = bound.port;
    servers.push(server);
  }
  return servers;
}

function portOf(server: Server | undefined): number {
  const bound = server?.address();
  if (typeof bound !== 'object' || bound === null) throw new Error('the server has no port');
  return bound.port;
}

async function answerOf(home: PinnedHost, port: number): Promise<string> {
  const socket = new ResolvingSocket(home.lookup);
  socket.connect(port, 'readers.example');
  const [chunk] = await once(socket, 'data');
  return String(chunk);
}

describe('a host name of several servers', () => {
  const addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
  let servers: readonly Server[];
  let port: number;
  before(async () => {
    servers = await startServers(addresses);
    port = portOf(servers[0]);
  });
  after(() => {
    for (const server of servers) server.close();
  });

  /** Names another address each time, as a reader endpoint does. */
  const takingTurns = (): PinnedHost => {
    let turn = 0;
    return new PinnedHost((_host, callback) => {
      const address = addresses[turn++ % addresses.length] ?? '';
      setImmediate(callback, null, [{ address, family: 4 }]);
    });
  };

  it('is one of them for all connections, also concurrent ones', async () => {
    const home = takingTurns();
    const answers = await Promise.all(Array.from({ length: 5 }, () => answerOf(home, port)));
    answers.push(await answerOf(home, port));
    assert.deepEqual(new Set(answers).size, 1, answers.join());
  });

  it('may be another one once it is released', async () => {
    const home = takingTurns();
    const first = await answerOf(home, port);
    home.release();
    assert.notEqual(await answerOf(home, port), first);
  });

  it('is another of its addresses once the first one is released, while it has others', async () => {
    const home = new PinnedHost((_host, callback) =>
      setImmediate(
        callback,
        null,
        ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 })),
      ),
    );
    assert.equal(await answerOf(home, port), '127.0.0.1');
    home.release();
    assert.equal(await answerOf(home, port), '127.0.0.2');
  });

  it('that the system does not know is an error of the connection', async () => {
    const lost = new ResolvingSocket(new PinnedHost().lookup);
    lost.connect(port, 'no-such-reader.invalid');
    await assert.rejects(once(lost, 'connect'), /ENOTFOUND|EAI_AGAIN/);
  });

  it('without an address is an error of the connection, and is looked for again', async () => {
    let isThere = false;
    const home = new PinnedHost((_host, callback) =>
      callback(
        isThere ? null : new Error('no such host'),
        isThere ? [{ address: '127.0.0.2', family: 4 }] : [],
      ),
    );
    const lost = new ResolvingSocket(home.lookup);
    lost.connect(port, 'readers.example');
    await assert.rejects(once(lost, 'connect'), /no such host/);
    isThere = true;
    assert.equal(await answerOf(home, port), '127.0.0.2');
  });

  it('is used by a pool', async () => {
    const { stream } = clientConfig({ host: 'readers.example', lookup: takingTurns().lookup });
    assert.ok(stream?.() instanceof ResolvingSocket);
    assert.equal(clientConfig({ host: 'readers.example' }).stream, undefined);
  });
});

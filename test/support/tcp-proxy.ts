import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Stands between a pool and its database, so that a test can take the database away and give it back. */
export interface TcpProxy {
  readonly port: number;
  /** Cuts every connection and refuses new ones, as a server that is down. */
  refuse(): Promise<void>;
  /** Keeps connections open and takes new ones, but passes nothing on, as a network that swallows packets. */
  freeze(): void;
  /** Passes everything on again. Connections that were frozen are cut. */
  accept(): Promise<void>;
  close(): Promise<void>;
}

/** A proxy on a free port of 127.0.0.1 that starts in the state of {@link TcpProxy.accept}. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isFrozen = false;

  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const server: Server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      keep(from);
      from.on('data', (chunk) => {
        if (!isFrozen) to.write(chunk);
      });
      from.on('close', () => to.destroy());
    }
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const stop = async (): Promise<void> => {
    cut();
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    await closed;
  };

  await listen(0);
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the proxy has no port');
  const { port } = address;
  return {
    port,
    refuse: stop,
    freeze() {
      isFrozen = true;
    },
    async accept() {
      if (isFrozen) cut();
      isFrozen = false;
      if (!server.listening) await listen(port);
    },
    close: stop,
  };
}

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Network faults without a close: delayed bytes, a half-closed connection, a truncated request or answer.
 */
export const DISTURBANCES = ['delay', 'half-close', 'truncate'] as const;
export type Disturbance = (typeof DISTURBANCES)[number];

const DELAY_MS = 80;

/** A proxy between a pool and its database, by which a test simulates outages. */
export interface TcpProxy {
  readonly port: number;
  /** Cuts every connection and refuses new ones, like a server that is down. */
  refuse(): Promise<void>;
  /** Accepts connections but forwards nothing, like a network that drops packets. */
  freeze(): void;
  /** Disturbs all traffic in both directions until {@link accept}. */
  disturb(kind: Disturbance): void;
  /** Forwards everything again; cuts frozen connections. */
  accept(): Promise<void>;
  close(): Promise<void>;
}

/** A proxy on a free port of 127.0.0.1 that starts in the state of {@link TcpProxy.accept}. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isFrozen = false;
  let disturbance: Disturbance | undefined;

  /** Delayed chunks by socket; later chunks wait for earlier ones. */
  const late = new WeakMap<Socket, number>();
  const passLate = (chunk: Buffer, to: Socket): void => {
    late.set(to, (late.get(to) ?? 0) + 1);
    setTimeout(() => {
      late.set(to, (late.get(to) ?? 0) - 1);
      to.write(chunk);
    }, DELAY_MS);
  };
  const pass = (chunk: Buffer, to: Socket): void => {
    if (isFrozen) return;
    if (disturbance === 'delay' || (late.get(to) ?? 0) > 0) passLate(chunk, to);
    else if (disturbance === 'half-close') to.end(chunk);
    else if (disturbance === 'truncate') to.end(chunk.subarray(0, chunk.length / 2));
    else to.write(chunk);
  };

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
      from.on('data', (chunk: Buffer) => pass(chunk, to));
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
    disturb(kind) {
      disturbance = kind;
    },
    async accept() {
      if (isFrozen) cut();
      isFrozen = false;
      disturbance = undefined;
      if (!server.listening) await listen(port);
    },
    close: stop,
  };
}

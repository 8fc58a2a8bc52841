import type { Server as HttpServer } from 'node:http';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { OperatorError, oneLine, systemErrorCode } from './operator-error';

/**
 * Connections that the system completes on one socket before they are taken up. When there are more, it drops the next
 * ones, and their clients wait a second, then three, before they try again.
 */
const BACKLOG = 1_024;

/**
 * Sockets that listen. Node takes up one connection of each at every turn of its event loop, so that with a single one a
 * client that connects waits behind a thousand others for a thousand turns: seconds on a busy thread.
 */
const SOCKETS = 8;
/** Where several sockets may listen on a port and the system spreads connections over them (SO_REUSEPORT, socket(7)). */
const canShare = process.platform === 'linux';

/** The sockets that listen for one HTTP server. */
export class ListeningSockets {
  readonly port: number;
  readonly #servers: readonly Server[];

  private constructor(port: number, servers: readonly Server[]) {
    this.port = port;
    this.#servers = servers;
  }

  /**
   * Listens on a port, 0 for any free one.
   * @throws OperatorError when the port is taken or not allowed
   */
  static async open(server: HttpServer, port: number, host: string): Promise<ListeningSockets> {
    const sockets = [server, ...Array.from({ length: canShare ? SOCKETS - 1 : 0 }, () => socketFor(server))];
    let bound = port;
    try {
      if (canShare && port !== 0) await requireFree(port, host);
      for (const one of sockets) bound = await listen(one, { port: bound, host, reusePort: canShare });
      return new ListeningSockets(bound, sockets);
    } catch (cause) {
      for (const one of sockets) one.close();
      throw new OperatorError(explain(cause, port, host), { cause });
    }
  }

  /** Accepts no more connections; resolves when all that were accepted have ended. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.map((one) => new Promise((resolve) => one.close(resolve))));
  }
}

/** A socket that hands its connections to the server, with the settings of the server's own. */
function socketFor(server: HttpServer): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) =>
    server.emit('connection', socket),
  );
}

/** Sockets that share a port would also share that of another program which allows it, such as a second LogLine. */
async function requireFree(port: number, host: string): Promise<void> {
  const probe = createServer();
  await listen(probe, { port, host });
  await new Promise((resolve) => probe.close(resolve));
}

function listen(server: Server, options: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...options, backlog: BACKLOG }, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : (options.port ?? 0));
    });
  });
}

function explain(cause: unknown, port: number, host: string): string {
  switch (systemErrorCode(cause)) {
    case 'EADDRINUSE':
      return `port ${port} is in use by another program; stop that, or choose another with PORT=${port === 65_535 ? 8787 : port + 1}`;
    case 'EACCES':
      return `this user may not listen on port ${port}; choose one above 1023 with PORT=8787`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `this machine has no address ${host}; set HOST to 127.0.0.1 or 0.0.0.0`;
    default:
      return `cannot listen on ${host}:${port} (${oneLine(cause)})`;
  }
}

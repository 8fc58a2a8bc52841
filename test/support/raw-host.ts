import { once } from 'node:events';
import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';
import { type HttpHost, openHttpHost, type SocketLimits } from '../../local/http-host';

/** An HTTP host with the raw connections that a test opens to it; they end with it. */
export class RawHost {
  readonly #host: HttpHost;
  readonly #open: Socket[] = [];

  private constructor(host: HttpHost) {
    this.#host = host;
  }

  static async start(limits: Partial<SocketLimits> = {}): Promise<RawHost> {
    return new RawHost(await openHttpHost(0, '127.0.0.1', limits));
  }

  get url(): string {
    return this.#host.url;
  }

  get port(): number {
    return this.#host.port;
  }

  /** As {@link HttpHost.serve}. */
  serve(...how: Parameters<HttpHost['serve']>): void {
    this.#host.serve(...how);
  }

  /** Opens a connection and writes `text` to it; its errors are ignored. */
  async open(text = '', options: Partial<TcpNetConnectOpts> = {}): Promise<Socket> {
    const socket = connect({ port: this.#host.port, host: '127.0.0.1', ...options });
    socket.on('error', () => undefined);
    this.#open.push(socket);
    await once(socket, 'connect');
    if (text !== '') socket.write(text);
    return socket;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await this.#host.close(100);
  }
}

/** Header of an append whose body follows as these header lines say. */
export function appendHead(token: string, ...lines: readonly string[]): string {
  return [
    'POST /api/spans HTTP/1.1',
    'host: localhost',
    `authorization: Bearer ${token}`,
    'content-type: application/json',
    ...lines,
    '',
    '',
  ].join('\r\n');
}

/** Text that arrives until the connection is closed or reset. */
export async function received(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await closed(socket);
  return text;
}

/** Bytes that arrive until the connection is closed or reset. */
export async function lengthOf(socket: Socket): Promise<number> {
  let length = 0;
  socket.on('data', (chunk) => {
    length += chunk.length;
  });
  await closed(socket);
  return length;
}

function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve));
}

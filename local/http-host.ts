import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { OperatorError, oneLine, systemErrorCode } from './operator-error';

type Fetch = (request: Request) => Response | Promise<Response>;

/** The local HTTP server. It listens before the ledger is ready, so that a taken port is known at once. */
export interface HttpHost {
  readonly url: string;
  readonly port: number;
  /** From now on requests go to `fetch`; before, they are answered 503. */
  serve(fetch: Fetch): void;
  /** Takes no new requests, lets running ones finish for `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>;
}

/** What connections may take up. */
export interface SocketLimits {
  /** Connections at once. Defaults to 4,000. */
  readonly connections?: number;
  /** Connections of one address at once. Defaults to 2,000, since a proxy in front is one address, too. */
  readonly connectionsPerAddress?: number;
  /** Time from a request's first byte, or the connection's start, to the end of its header. Defaults to 15,000. */
  readonly headersMs?: number;
  /** Time from a request's first byte to its last. Defaults to 60,000, which is 70 KB/s for the largest. */
  readonly requestMs?: number;
  /** Time without any byte in either direction. Defaults to 120,000, longer than the longest run. */
  readonly silentMs?: number;
}

/** How often sockets are looked at whose time is up. */
const CHECK_INTERVAL_MS = 1_000;

/** @throws OperatorError when the port is taken or not allowed */
export async function openHttpHost(port: number, host: string, limits: SocketLimits = {}): Promise<HttpHost> {
  let current: Fetch = starting;
  // It also puts its own lightweight Request and Response in place of the global ones: a small request costs
  // half as much processor time with them as with those of Node.
  const listener = getRequestListener((request) => current(request));
  const requestTimeout = limits.requestMs ?? 60_000;
  const server = createServer(
    {
      // Longer than the idle time of common proxies, so that it is they who close first.
      keepAliveTimeout: 65_000,
      headersTimeout: Math.min(limits.headersMs ?? 15_000, requestTimeout),
      requestTimeout,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, requestTimeout),
    },
    (request, response) => void listener(request, response),
  );
  server.setTimeout(limits.silentMs ?? 120_000);
  boundConnections(server, limits.connections ?? 4_000, limits.connectionsPerAddress ?? 2_000);
  const bound = await listen(server, port, host);
  const shownHost = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return {
    url: `http://${shownHost.includes(':') ? `[${shownHost}]` : shownHost}:${bound}`,
    port: bound,
    serve(fetch) {
      current = fetch;
    },
    close: (graceMs) => close(server, graceMs),
  };
}

function starting(): Response {
  const problem = {
    type: 'about:blank',
    title: 'Temporarily unavailable',
    status: 503,
    detail: 'LogLine is starting; try again in a moment.',
    success: false,
    // A client may ask for a run again.
    began: false,
  };
  return new Response(JSON.stringify(problem), {
    status: 503,
    headers: { 'content-type': 'application/problem+json', 'retry-after': '1' },
  });
}

/** Answers what comes beyond the limits 503, before a byte of it is read. */
function boundConnections(server: Server, connections: number, perAddress: number): void {
  const open = new Map<string, number>();
  let total = 0;
  server.prependListener('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const own = (open.get(address) ?? 0) + 1;
    total += 1;
    open.set(address, own);
    socket.once('close', () => {
      total -= 1;
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
    if (total > connections || own > perAddress) refuse(socket);
  });
}

/** How long a refused connection may stay silent before it is gone. */
const REFUSED_MS = 2_000;

/** A client that has not sent its request yet reads the answer all the same. */
function refuse(socket: Socket): void {
  const body = JSON.stringify({
    type: 'urn:logline:problem:unavailable',
    title: 'Temporarily unavailable',
    status: 503,
    detail: 'Too many connections are open; close some, or try again in a moment.',
    success: false,
  });
  socket.on('error', () => undefined);
  socket.end(
    'HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n' +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
  // What it sends is thrown away; a client that goes on sending is cut.
  socket.setTimeout(REFUSED_MS, () => socket.destroy());
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new OperatorError(explain(cause, port, host), { cause })));
    server.listen({ port, host }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
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

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}

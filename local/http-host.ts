import { createServer, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import {
  HeadersTooLargeError,
  type LogLineError,
  MalformedError,
  RequestTimeoutError,
  UnavailableError,
} from '../runtime/base/errors';
import { pooledRandomHex } from '../runtime/crypto/random-pool';
import { problemAnswer, problemResponse } from '../runtime/stage0/problem';
import { responseHeaders } from '../runtime/stage0/response-headers';
import { ListeningSockets } from './listening-sockets';
import { OpenConnections } from './open-connections';
import { RefusedConnections } from './refused-connections';
import { boundChunks, countUnanswered } from './request-bounds';
import { UnsentAnswers } from './unsent-answers';

type Fetch = (request: Request) => Response | Promise<Response>;
type TenantOf = (authorization: string | undefined) => string;

/** The local HTTP server. It listens before the ledger is ready, so that a taken port is reported at once. */
export interface HttpHost {
  readonly url: string;
  readonly port: number;
  /**
   * Routes requests to `fetch`; until then they get 503.
   * @param tenantOf the tenant of an Authorization header, '' unless its token was verified; defaults to '' for all
   */
  serve(fetch: Fetch, tenantOf?: TenantOf): void;
  /** Stops accepting requests, gives running ones `graceMs` to finish, then closes their connections. */
  close(graceMs: number): Promise<void>;
}

/** Limits of connections. */
export interface SocketLimits {
  /** Connections at once. */
  readonly connections: number;
  /** Connections of one address at once; a proxy in front is one address, too. */
  readonly connectionsPerAddress: number;
  /** Milliseconds that a connection must have waited for its client before it is given up for another. */
  readonly graceMs: number;
  /** Milliseconds from the start of the connection or of a request to the end of its header. */
  readonly headersMs: number;
  /** Milliseconds from a request's first byte to its last. */
  readonly requestMs: number;
  /** Milliseconds without a byte in either direction. */
  readonly silentMs: number;
  /** Bytes of unsent answers over all connections. */
  readonly unsentBytes: number;
}

/** The limits of a local run. */
export const SOCKET_LIMITS: SocketLimits = {
  connections: 8_000,
  connectionsPerAddress: 4_000,
  graceMs: 100,
  headersMs: 15_000,
  // 70 KB/s for the largest request.
  requestMs: 60_000,
  // Longer than the longest run.
  silentMs: 120_000,
  unsentBytes: 32 * 1024 * 1024,
};

/** Interval in milliseconds of the check for expired sockets. */
const CHECK_INTERVAL_MS = 1_000;

/**
 * Listens on a port.
 * @param given limits in place of those of {@link SOCKET_LIMITS}
 * @throws OperatorError when the port is taken or not allowed
 */
export async function openHttpHost(
  port: number,
  host: string,
  given: Partial<SocketLimits> = {},
): Promise<HttpHost> {
  const limits = { ...SOCKET_LIMITS, ...given };
  let current: Fetch = starting;
  let tenantOf: TenantOf = nobody;
  // It also replaces the global Request and Response with its own lightweight ones: a small request costs
  // half as much processor time with them as with those of Node.
  const options = {
    // For HTTP/1.0, which has no Host header and which load balancers use for health checks.
    hostname: 'localhost',
    errorHandler: badHost,
  };
  const listener = getRequestListener((request) => current(request), options);
  const refuseHost = getRequestListener(badHost, options);
  const unsent = new UnsentAnswers(limits.unsentBytes);
  const connections = new OpenConnections(limits);
  const refused = new RefusedConnections(refuseConnection);
  const requestTimeout = limits.requestMs;
  const server = createServer(
    {
      // Longer than the idle time-out of common proxies, so that they close first.
      keepAliveTimeout: 65_000,
      headersTimeout: Math.min(limits.headersMs, requestTimeout),
      requestTimeout,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, requestTimeout),
      // Node would refuse a request without Host with an empty answer.
      requireHostHeader: false,
    },
    (request, response) => {
      if (!countUnanswered(request, response)) return;
      // Node reads from a refused connection as well, which was told that nothing has happened.
      const tenant = () => tenantOf(request.headers.authorization);
      if (!connections.serve(request, response, tenant)) return;
      if (request.headers['transfer-encoding'] !== undefined)
        boundChunks(request, () => refuseRest(request.socket));
      const hasHost = request.headers.host !== undefined || request.httpVersion === '1.0';
      void (hasHost ? listener : refuseHost)(request, response).then(() => unsent.add(response, tenant()));
    },
  );
  server.on('clientError', refuse);
  server.setTimeout(limits.silentMs);
  // Before Node's own listener, which would begin to read.
  server.prependListener('connection', (socket: Socket) => {
    if (!connections.open(socket)) refused.add(socket);
  });
  const sockets = await ListeningSockets.open(server, port, host);
  const shownHost = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return {
    url: `http://${shownHost.includes(':') ? `[${shownHost}]` : shownHost}:${sockets.port}`,
    port: sockets.port,
    serve(fetch, of = nobody) {
      current = fetch;
      tenantOf = of;
    },
    close: (graceMs) => close(server, sockets, graceMs),
  };
}

function nobody(): string {
  return '';
}

function badHost(): Response {
  return problemResponse(new MalformedError('The request line or the Host header is not valid.'));
}

function starting(): Response {
  return problemResponse(
    new UnavailableError('LogLine is starting; try again in a moment.', {
      retryAfterSeconds: 1,
      // The request has not begun, so a client may retry a run.
      members: { began: false },
    }),
  );
}

/** Answers requests that Node's parser refuses with problem details, if the socket is writable. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  endWith(refusalOf(error.code), socket);
}

/** Writes a problem as raw HTTP and closes the connection. */
function endWith(problem: LogLineError, socket: Duplex): void {
  const { status, headers, text } = problemAnswer(problem);
  const all = responseHeaders(
    { headers },
    {
      'x-request-id': pooledRandomHex(8),
      connection: 'close',
      'content-length': String(Buffer.byteLength(text)),
    },
  );
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${text}`);
}

function refusalOf(code: string | undefined): LogLineError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new HeadersTooLargeError('The headers are larger than 16 KiB; send fewer or shorter ones.');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new RequestTimeoutError('The request did not arrive in time; send it again.');
  return new MalformedError('This is not HTTP/1.1 as RFC 9112 has it.');
}

/** Milliseconds after which a refused connection is cut, if its client has not closed it. */
const REFUSED_MS = 2_000;

/** Refuses the rest of a body without reading it, and closes the connection. */
function refuseRest(socket: Socket): void {
  endWith(new MalformedError('The body comes in too many small chunks; send larger ones.'), socket);
  socket.pause();
  cutSoon(socket);
}

function refuseConnection(socket: Socket): void {
  endWith(
    new UnavailableError('Too many connections are open; close some, or try again in a moment.', {
      retryAfterSeconds: 1,
    }),
    socket,
  );
  cutSoon(socket);
}

/** Not by the time-out of the socket: the server sets that of a new one to its own, and each byte that arrives renews it. */
function cutSoon(socket: Socket): void {
  const cut = setTimeout(() => socket.destroy(), REFUSED_MS);
  socket.once('close', () => clearTimeout(cut));
}

async function close(server: Server, sockets: ListeningSockets, graceMs: number): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  const closed = sockets.close();
  server.closeIdleConnections();
  await closed;
  clearTimeout(cut);
}

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
import { OperatorError, oneLine, systemErrorCode } from './operator-error';
import { UnsentAnswers } from './unsent-answers';

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
  /** Bytes of answers that wait for their readers, over all connections. Defaults to 64 MiB. */
  readonly unsentBytes?: number;
}

/** How often sockets are looked at whose time is up. */
const CHECK_INTERVAL_MS = 1_000;

/** @throws OperatorError when the port is taken or not allowed */
export async function openHttpHost(port: number, host: string, limits: SocketLimits = {}): Promise<HttpHost> {
  let current: Fetch = starting;
  // It also puts its own lightweight Request and Response in place of the global ones: a small request costs
  // half as much processor time with them as with those of Node.
  const options = {
    // For HTTP/1.0, which load balancers check health with, and which knows no Host header.
    hostname: 'localhost',
    errorHandler: badHost,
  };
  const listener = getRequestListener((request) => current(request), options);
  const refuseHost = getRequestListener(badHost, options);
  const unsent = new UnsentAnswers(limits.unsentBytes ?? 64 * 1024 * 1024);
  const requestTimeout = limits.requestMs ?? 60_000;
  const server = createServer(
    {
      // Longer than the idle time of common proxies, so that it is they who close first.
      keepAliveTimeout: 65_000,
      headersTimeout: Math.min(limits.headersMs ?? 15_000, requestTimeout),
      requestTimeout,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, requestTimeout),
      // Node would refuse a request without Host by itself, without a word.
      requireHostHeader: false,
    },
    (request, response) => {
      const hasHost = request.headers.host !== undefined || request.httpVersion === '1.0';
      void (hasHost ? listener : refuseHost)(request, response).then(() => unsent.add(response));
    },
  );
  server.on('clientError', refuse);
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

function badHost(): Response {
  return problemResponse(new MalformedError('The request line or the Host header is not valid.'));
}

function starting(): Response {
  return problemResponse(
    new UnavailableError('LogLine is starting; try again in a moment.', {
      retryAfterSeconds: 1,
      // A client may ask for a run again.
      members: { began: false },
    }),
  );
}

/** What Node's parser refuses: it is answered like everything else, as far as there is somebody to answer. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  endWith(refusalOf(error.code), socket);
}

/** Writes a problem by hand and ends the connection. */
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
    if (total > connections || own > perAddress) refuseConnection(socket);
  });
}

/** How long a refused connection may stay silent before it is gone. */
const REFUSED_MS = 2_000;

/** A client that has not sent its request yet reads the answer all the same. */
function refuseConnection(socket: Socket): void {
  socket.on('error', () => undefined);
  endWith(
    new UnavailableError('Too many connections are open; close some, or try again in a moment.', {
      retryAfterSeconds: 1,
    }),
    socket,
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

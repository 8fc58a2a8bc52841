import { createServer, type Server } from 'node:http';
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

/** @throws OperatorError when the port is taken or not allowed */
export async function openHttpHost(port: number, host: string): Promise<HttpHost> {
  let current: Fetch = starting;
  // It also puts its own lightweight Request and Response in place of the global ones: a small request costs
  // half as much processor time with them as with those of Node.
  const listener = getRequestListener((request) => current(request));
  const server = createServer((request, response) => void listener(request, response));
  // Longer than the idle time of common proxies, so that it is they who close first.
  server.keepAliveTimeout = 65_000;
  server.requestTimeout = 120_000;
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

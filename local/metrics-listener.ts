import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LedgerMetrics } from './ledger-metrics';
import { OperatorError, systemErrorCode } from './operator-error';

/** The HTTP server of `/metrics` on loopback. */
export interface MetricsListener {
  readonly url: string;
  close(): Promise<void>;
}

/** Allowed Host headers. Others are refused, which stops DNS rebinding. */
const HOSTS = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/i;

/** @throws OperatorError when the port is taken */
export async function openMetricsListener(port: number, metrics: LedgerMetrics): Promise<MetricsListener> {
  const server = createServer(
    { requestTimeout: 5_000, headersTimeout: 5_000, maxHeaderSize: 8_192 },
    (request, response) => {
      const end = (status: number, type: string, body: string): void => {
        response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' }).end(body);
      };
      const path = request.url?.split('?')[0];
      if (!HOSTS.test(request.headers.host ?? ''))
        return end(421, 'text/plain', 'This is served on loopback only.\n');
      if (path !== '/metrics') return end(404, 'text/plain', 'There is /metrics.\n');
      if (request.method !== 'GET' && request.method !== 'HEAD') return end(405, 'text/plain', 'GET\n');
      metrics.text().then(
        (text) => end(200, metrics.contentType, text),
        () => end(500, 'text/plain', 'The metrics could not be read.\n'),
      );
    },
  );
  server.maxConnections = 16;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  }).catch((cause: unknown) => {
    throw new OperatorError(
      `cannot serve metrics on port ${port} (${systemErrorCode(cause)}); set LOGLINE_METRICS_PORT to a free one`,
      { cause },
    );
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}/metrics`,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await metrics.close();
    },
  };
}

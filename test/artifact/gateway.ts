import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { at, recordOf } from '../infra/subject';
import type { Cloud } from './cloud';
import { httpEvent } from './events';
import { textOf } from './runtime-api';

/** API Gateway on the loopback. */
export interface Gateway {
  readonly url: string;
  close(): Promise<void>;
}

/** Translates HTTP requests into events for Stage-0 and its results into answers, as API Gateway does. */
export async function startGateway(cloud: Cloud): Promise<Gateway> {
  const server = createServer((request, response) => void pass(cloud, request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the gateway has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function pass(cloud: Cloud, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, search } = new URL(request.url ?? '/', 'http://gateway');
  const text = await textOf(request);
  const { failed, payload } = await cloud.invoke(
    'stage0',
    httpEvent(request.method ?? 'GET', pathname, {
      query: search.slice(1),
      headers: Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      ),
      ...(text === '' ? {} : { text }),
    }),
  );
  if (failed) {
    // API Gateway's answer for a failed function or a result that is too large.
    response
      .writeHead(500, { 'content-type': 'application/json' })
      .end('{"message":"Internal Server Error"}');
    return;
  }
  const headers = Object.entries(recordOf(at(payload, 'headers')));
  response
    .writeHead(
      Number(at(payload, 'statusCode')),
      Object.fromEntries(headers.map(([name, value]) => [name, String(value)])),
    )
    .end(
      Buffer.from(
        String(at(payload, 'body') ?? ''),
        at(payload, 'isBase64Encoded') === true ? 'base64' : 'utf8',
      ),
    );
}

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A proxy in front of a ledger that signals a client process at one of its requests. */
export interface KillingFront {
  readonly url: string;
  /**
   * Sends a signal (SIGKILL) to a process: before its request with that path and number (from 1) reaches the ledger, while
   * the ledger handles it, or after the ledger's answer and before the process gets it.
   */
  killAt(place: KillingPlace, child: ChildProcess, signal?: NodeJS.Signals): void;
  close(): Promise<void>;
}

export interface KillingPlace {
  readonly path: '/api/import' | '/api/import/compare' | '/api/timeline';
  readonly number: number;
  readonly moment: 'before' | 'during' | 'after';
}

export async function startKillingFront(ledger: string): Promise<KillingFront> {
  let plan: { readonly place: KillingPlace; readonly kill: () => void; left: number } | undefined;
  const killIf = (isDue: boolean, moment: string): boolean => {
    if (!isDue || plan?.place.moment !== moment) return false;
    plan.kill();
    return true;
  };
  const pass = async (request: IncomingMessage): Promise<Response | undefined> => {
    const body = await buffer(request);
    const isDue =
      plan !== undefined && request.url?.split('?', 1)[0] === plan.place.path && --plan.left === 0;
    if (killIf(isDue, 'before')) return undefined;
    const headers = ['accept', 'authorization', 'content-type', 'prefer'].flatMap(
      (name): [string, string][] => {
        const value = request.headers[name];
        return typeof value === 'string' ? [[name, value]] : [];
      },
    );
    const answering = fetch(`${ledger}${request.url}`, {
      method: request.method ?? 'GET',
      headers,
      ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
    });
    killIf(isDue, 'during');
    const answer = await answering;
    killIf(isDue, 'after');
    return answer;
  };
  const server = createServer((request, response) => {
    pass(request)
      .then(async (answer) => {
        if (answer === undefined) {
          response.destroy();
          return;
        }
        const type = answer.headers.get('content-type');
        response.writeHead(answer.status, type === null ? {} : { 'content-type': type });
        response.end(new Uint8Array(await answer.arrayBuffer()));
      })
      .catch((error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    killAt(place, child, signal = 'SIGKILL') {
      plan = { place, left: place.number, kill: () => child.kill(signal) };
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

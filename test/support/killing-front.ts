import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** Stands before a ledger and kills a client around one of its imports. */
export interface KillingFront {
  readonly url: string;
  /**
   * Sends SIGKILL to a process: before its import of that number (from 1) reaches the ledger, while the ledger is at it,
   * or when the ledger has answered and the process does not know yet.
   */
  killAt(number: number, moment: 'before' | 'during' | 'after', child: ChildProcess): void;
  close(): Promise<void>;
}

export async function startKillingFront(ledger: string): Promise<KillingFront> {
  let plan: { readonly moment: string; readonly child: ChildProcess; left: number } | undefined;
  const killIf = (isDue: boolean, moment: string): boolean => {
    if (!isDue || plan?.moment !== moment) return false;
    plan.child.kill('SIGKILL');
    return true;
  };
  const pass = async (request: IncomingMessage): Promise<Response | undefined> => {
    const body = await buffer(request);
    const isDue = plan !== undefined && request.url === '/api/import' && --plan.left === 0;
    if (killIf(isDue, 'before')) return undefined;
    const { authorization = '', 'content-type': contentType = '' } = request.headers;
    const answering = fetch(`${ledger}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { authorization, 'content-type': contentType },
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
        if (answer === undefined) response.destroy();
        else
          response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
      })
      .catch((error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    killAt(number, moment, child) {
      plan = { left: number, moment, child };
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

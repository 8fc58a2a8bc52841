import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** Result of an invocation. */
export interface InvocationResult {
  /** The value returned, or the error as Lambda reports it. */
  readonly payload: unknown;
  readonly failed: boolean;
}

/** Lambda's limit in bytes for events and results of a synchronous invocation. */
const MAX_PAYLOAD_BYTES = 6_291_556;

function tooLarge(what: 'Request' | 'Response', bytes: number): InvocationResult {
  return {
    failed: true,
    payload: {
      errorType: `${what}SizeTooLarge`,
      errorMessage: `${what} payload size (${bytes} bytes) exceeded maximum allowed payload size (${MAX_PAYLOAD_BYTES} bytes).`,
    },
  };
}

interface Pending {
  readonly id: string;
  readonly event: string;
  readonly deadlineMs: number;
  readonly settle: (result: InvocationResult) => void;
}

/**
 * The Lambda Runtime API, version 2018-06-01, for one function instance: serves events one at a time and takes results (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
 */
export class RuntimeApi {
  readonly #server: Server;
  readonly #functionArn: string;
  readonly #queue: Pending[] = [];
  readonly #running = new Map<string, Pending>();
  #waiting: ServerResponse | undefined;
  #initError: unknown;

  private constructor(functionArn: string) {
    this.#functionArn = functionArn;
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  /** Starts listening on the loopback. */
  static async start(functionArn: string): Promise<RuntimeApi> {
    const api = new RuntimeApi(functionArn);
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  /** `host:port`, for `AWS_LAMBDA_RUNTIME_API`. */
  get address(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
  }

  /** Sends one event to the function and waits for its result. */
  invoke(event: unknown, timeoutSeconds: number): Promise<InvocationResult> {
    const bytes = Buffer.byteLength(JSON.stringify(event));
    if (bytes > MAX_PAYLOAD_BYTES) return Promise.resolve(tooLarge('Request', bytes));
    return new Promise((settle) => {
      const deadlineMs = Date.now() + timeoutSeconds * 1_000;
      this.#queue.push({ id: randomUUID(), event: JSON.stringify(event), deadlineMs, settle });
      this.#next();
    });
  }

  /** Fails every running invocation, as when the instance dies. */
  fail(reason: unknown): void {
    this.#initError = reason;
    for (const pending of [...this.#running.values(), ...this.#queue.splice(0)]) {
      pending.settle({ failed: true, payload: reason });
    }
    this.#running.clear();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(request);
    const path = request.url ?? '';
    if (path.endsWith('/invocation/next')) {
      this.#waiting = response;
      this.#next();
      return;
    }
    const answer = /\/invocation\/([^/]+)\/(response|error)$/.exec(path);
    if (answer !== null) {
      const pending = this.#running.get(answer[1] ?? '');
      this.#running.delete(answer[1] ?? '');
      const bytes = Buffer.byteLength(body);
      pending?.settle(
        bytes > MAX_PAYLOAD_BYTES
          ? tooLarge('Response', bytes)
          : { failed: answer[2] === 'error', payload: body === '' ? null : JSON.parse(body) },
      );
    } else if (path.endsWith('/init/error')) {
      this.fail(JSON.parse(body));
    }
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}');
  }

  #next(): void {
    if (this.#initError !== undefined) {
      this.fail(this.#initError);
      return;
    }
    const response = this.#waiting;
    const pending = response === undefined ? undefined : this.#queue.shift();
    if (response === undefined || pending === undefined) {
      return;
    }
    this.#waiting = undefined;
    this.#running.set(pending.id, pending);
    response
      .writeHead(200, {
        'content-type': 'application/json',
        'lambda-runtime-aws-request-id': pending.id,
        'lambda-runtime-deadline-ms': String(pending.deadlineMs),
        'lambda-runtime-invoked-function-arn': this.#functionArn,
        'lambda-runtime-trace-id': `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0`,
      })
      .end(pending.event);
  }
}

/** The whole body of a request. */
export async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks).toString();
}

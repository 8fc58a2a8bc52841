import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

/**
 * Load of callers that each send the next request when the answer is in, on one keep-alive connection. The client speaks
 * only the HTTP/1.1 that our server needs: `fetch` and node:http would use more processor time than the server.
 */
export interface LoadPlan {
  readonly port: number;
  readonly callers: number;
  /** Complete requests with heads; callers send them in rotation. */
  readonly requests: readonly Buffer[];
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Ends after this many answers. Defaults to no limit. */
  readonly maxRequests?: number;
}

/** Result of a load. */
export interface LoadOutcome {
  readonly requests: number;
  readonly seconds: number;
  /** Latency of each answered request of the measured time, in milliseconds. */
  readonly latenciesMs: readonly number[];
  /** Status → number of answers, including the warm-up. */
  readonly statuses: Readonly<Record<string, number>>;
}

/** Builds a complete HTTP/1.1 request. */
export function httpRequest(
  method: string,
  path: string,
  headers: Record<string, string>,
  body = '',
): Buffer {
  const bytes = Buffer.from(body);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(method === 'GET' ? [] : [`content-length: ${bytes.length}`]),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]);
}

/** @param onMeasuring called once, after the warm-up */
export async function runLoad(
  plan: LoadPlan,
  onMeasuring: () => void = () => undefined,
): Promise<LoadOutcome> {
  const statuses: Record<string, number> = {};
  const latenciesMs: number[] = [];
  const begin = performance.now() + plan.warmUpMs;
  const deadline = begin + plan.measureMs;
  const timer = setTimeout(onMeasuring, plan.warmUpMs);
  let next = 0;
  let answered = 0;
  const isOver = (): boolean =>
    performance.now() >= deadline || (plan.maxRequests !== undefined && answered >= plan.maxRequests);
  await Promise.all(
    Array.from({ length: plan.callers }, async () => {
      const connection = await HttpCaller.open(plan.port);
      while (!isOver()) {
        const request = plan.requests[next++ % plan.requests.length];
        if (request === undefined) throw new RangeError('a load plan needs requests');
        const sent = performance.now();
        const { status } = await connection.exchange(request);
        const now = performance.now();
        statuses[status] = (statuses[status] ?? 0) + 1;
        answered += 1;
        if (sent >= begin && now <= deadline) latenciesMs.push(now - sent);
      }
      connection.close();
    }),
  );
  clearTimeout(timer);
  const seconds = (Math.min(performance.now(), deadline) - begin) / 1000;
  return { requests: latenciesMs.length, seconds, latenciesMs, statuses };
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** An answer. */
export interface HttpAnswer {
  readonly status: number;
  /** Returns the body's text. */
  readonly text: () => string;
}

/** One connection, with one request at a time. */
export class HttpCaller {
  readonly #socket: Socket;
  #received: Buffer[] = [];
  #length = 0;
  #headLength = 0;
  /** Size of the whole answer in bytes, known after its head. */
  #expected = Number.POSITIVE_INFINITY;
  #settle: { resolve(answer: HttpAnswer): void; reject(error: Error): void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', (error) => this.#settle?.reject(error));
    socket.on('close', () => this.#settle?.reject(new Error('the server closed the connection')));
  }

  static open(port: number): Promise<HttpCaller> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new HttpCaller(socket)));
    });
  }

  /** @param request as {@link httpRequest} makes it */
  exchange(request: Buffer): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#settle = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#length += chunk.length;
    if (this.#expected === Number.POSITIVE_INFINITY) this.#readHead();
    if (this.#length < this.#expected) return;
    const parts = this.#received;
    const headLength = this.#headLength;
    const [first = chunk] = parts;
    const settle = this.#settle;
    this.#received = [];
    this.#length = 0;
    this.#expected = Number.POSITIVE_INFINITY;
    this.#settle = undefined;
    settle?.resolve({
      // `HTTP/1.1 201 Created`: the status stands at a fixed place.
      status: Number(first.toString('latin1', 9, 12)),
      text: () => Buffer.concat(parts).toString('utf8', headLength),
    });
  }

  #readHead(): void {
    const bytes = this.#received.length === 1 ? this.#received[0] : Buffer.concat(this.#received);
    if (bytes === undefined) return;
    this.#received = [bytes];
    const headEnd = bytes.indexOf(HEAD_END);
    if (headEnd === -1) return;
    const head = bytes.toString('latin1', 0, headEnd);
    const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
    if (length === undefined) throw new Error(`the answer has no content-length: ${head}`);
    this.#headLength = headEnd + HEAD_END.length;
    this.#expected = this.#headLength + Number(length);
  }
}

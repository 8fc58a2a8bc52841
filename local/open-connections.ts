import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  /** When it was opened, or its last answer was over. */
  sinceMs: number;
  /** The request whose header has arrived and that is not answered yet. */
  request: IncomingMessage | undefined;
}

export interface ConnectionLimits {
  /** Connections at once. */
  readonly connections: number;
  /** Connections of one address at once. */
  readonly connectionsPerAddress: number;
  /** A connection that has waited for its client for less than this is not given up for another. */
  readonly graceMs: number;
}

/**
 * The connections of the server. When there are too many, the one goes that has waited longest for its client to send a
 * request, or the rest of one: a thousand that send nothing would otherwise keep out everybody behind the same address.
 */
export class OpenConnections {
  readonly #limits: ConnectionLimits;
  readonly #nowMs: () => number;
  /** In the order of {@link Connection.sinceMs}. */
  readonly #open = new Map<Socket, Connection>();
  readonly #perAddress = new Map<string, number>();
  #total = 0;

  constructor(limits: ConnectionLimits, nowMs: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Takes in a new connection; false when there is no place for it, nor one to be had. */
  open(socket: Socket): boolean {
    const address = socket.remoteAddress ?? '';
    const own = (this.#perAddress.get(address) ?? 0) + 1;
    this.#total += 1;
    this.#perAddress.set(address, own);
    const connection = { socket, address, sinceMs: this.#nowMs(), request: undefined };
    socket.once('close', () => this.#close(connection));
    const isFull = own > this.#limits.connectionsPerAddress;
    if ((isFull || this.#total > this.#limits.connections) && !this.#giveUpOne(isFull ? address : undefined))
      return false;
    this.#open.set(socket, connection);
    return true;
  }

  /** To be called when the header of a request has arrived. */
  serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.request = request;
    response.once('close', () => {
      if (!this.#open.delete(socket)) return;
      connection.request = undefined;
      connection.sinceMs = this.#nowMs();
      this.#open.set(socket, connection);
    });
  }

  #giveUpOne(address: string | undefined): boolean {
    const untilMs = this.#nowMs() - this.#limits.graceMs;
    for (const [socket, connection] of this.#open) {
      if (connection.sinceMs > untilMs) return false;
      if (address !== undefined && connection.address !== address) continue;
      // What has arrived whole is ours to answer.
      if (connection.request?.complete) continue;
      this.#open.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  #close({ socket, address }: Connection): void {
    this.#open.delete(socket);
    this.#total -= 1;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  /** When it was opened, the header of its request arrived, or its last answer was over. */
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
 * The connections of the server. When there are too many, one that waits for its client goes: the oldest of those that
 * never sent a request, else the one that has waited longest for the next request or the rest of one. Otherwise a
 * thousand silent ones would keep out everybody behind the same address.
 */
export class OpenConnections {
  readonly #limits: ConnectionLimits;
  readonly #nowMs: () => number;
  /** Those that have sent no header yet, the oldest first. */
  readonly #silent = new Map<Socket, Connection>();
  /** The others, in the order of {@link Connection.sinceMs}. */
  readonly #served = new Map<Socket, Connection>();
  readonly #perAddress = new Map<string, number>();

  constructor(limits: ConnectionLimits, nowMs: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Takes in a new connection; false when there is no place for it, nor one to be had. */
  open(socket: Socket): boolean {
    const { connections, connectionsPerAddress } = this.#limits;
    const address = socket.remoteAddress ?? '';
    const own = this.#perAddress.get(address) ?? 0;
    const isFull = own >= connectionsPerAddress;
    if (isFull || this.#silent.size + this.#served.size >= connections) {
      const found = this.#longestWaiting(isFull ? address : undefined);
      if (found === undefined) return false;
      this.#forget(found);
      found.socket.destroy();
    }
    const connection = { socket, address, sinceMs: this.#nowMs(), request: undefined };
    this.#silent.set(socket, connection);
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    socket.once('close', () => this.#forget(connection));
    return true;
  }

  /** To be called when the header of a request has arrived. */
  serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.#silent.get(socket) ?? this.#served.get(socket);
    // One that was refused.
    if (connection === undefined) return;
    this.#change(connection, request);
    response.once('close', () => {
      // With pipelining the next request is under way already.
      if (connection.request === request && this.#served.has(socket)) this.#change(connection, undefined);
    });
  }

  #change(connection: Connection, request: IncomingMessage | undefined): void {
    const { socket } = connection;
    connection.request = request;
    connection.sinceMs = this.#nowMs();
    this.#silent.delete(socket);
    this.#served.delete(socket);
    this.#served.set(socket, connection);
  }

  #longestWaiting(address: string | undefined): Connection | undefined {
    const untilMs = this.#nowMs() - this.#limits.graceMs;
    for (const tier of [this.#silent, this.#served]) {
      for (const connection of tier.values()) {
        if (connection.sinceMs > untilMs) break;
        if (address !== undefined && connection.address !== address) continue;
        // A request that has arrived whole is ours to answer.
        if (!connection.request?.complete) return connection;
      }
    }
    return undefined;
  }

  #forget({ socket, address }: Connection): void {
    if (!this.#silent.delete(socket) && !this.#served.delete(socket)) return;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }
}

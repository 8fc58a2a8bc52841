import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  /** The token of its last request that was not refused for it; empty before and without one. */
  caller: string;
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

/** Callers without a token that is known to be good. */
const STRANGERS = '';
const UNAUTHORIZED = 401;

/**
 * The connections of the server. When there are too many, one that waits for its client goes: the oldest of those that
 * never sent a request, else, of the caller with the most connections, the one that has waited longest for the next
 * request or the rest of one, else that of any caller. Otherwise a thousand silent ones would keep out everybody behind
 * the same address, and a thousand of one caller would push out the few of another.
 */
export class OpenConnections {
  readonly #limits: ConnectionLimits;
  readonly #nowMs: () => number;
  /** Those that have sent no header yet, the oldest first. */
  readonly #silent = new Map<Socket, Connection>();
  /** The others, in the order of {@link Connection.sinceMs}. */
  readonly #served = new Map<Socket, Connection>();
  readonly #perAddress = new Map<string, number>();
  /** Connections of each caller among {@link #served}. */
  readonly #perCaller = new Map<string, number>();

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
    const connection = { socket, address, caller: STRANGERS, sinceMs: this.#nowMs(), request: undefined };
    this.#silent.set(socket, connection);
    add(this.#perAddress, address, 1);
    socket.once('close', () => this.#forget(connection));
    return true;
  }

  /** To be called when the header of a request has arrived; false when its connection found no place. */
  serve(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request;
    const connection = this.#silent.get(socket) ?? this.#served.get(socket);
    if (connection === undefined) return false;
    if (this.#silent.delete(socket)) add(this.#perCaller, connection.caller, 1);
    this.#change(connection, request);
    response.once('close', () => {
      if (!this.#served.has(socket)) return;
      this.#name(connection, response.statusCode === UNAUTHORIZED ? '' : request.headers.authorization);
      // With pipelining the next request is under way already.
      if (connection.request === request) this.#change(connection, undefined);
    });
    return true;
  }

  #change(connection: Connection, request: IncomingMessage | undefined): void {
    const { socket } = connection;
    connection.request = request;
    connection.sinceMs = this.#nowMs();
    this.#served.delete(socket);
    this.#served.set(socket, connection);
  }

  #name(connection: Connection, caller = STRANGERS): void {
    if (caller === connection.caller) return;
    add(this.#perCaller, connection.caller, -1);
    add(this.#perCaller, caller, 1);
    connection.caller = caller;
  }

  #longestWaiting(address: string | undefined): Connection | undefined {
    const most = this.#callerWithMost();
    return (
      this.#firstWaiting(this.#silent, address) ??
      this.#firstWaiting(this.#served, address, most) ??
      this.#firstWaiting(this.#served, address)
    );
  }

  #firstWaiting(
    tier: ReadonlyMap<Socket, Connection>,
    address: string | undefined,
    caller?: string,
  ): Connection | undefined {
    const untilMs = this.#nowMs() - this.#limits.graceMs;
    for (const connection of tier.values()) {
      if (connection.sinceMs > untilMs) return undefined;
      if (address !== undefined && connection.address !== address) continue;
      if (caller !== undefined && connection.caller !== caller) continue;
      // A request that has arrived whole is ours to answer.
      if (!connection.request?.complete) return connection;
    }
    return undefined;
  }

  /** The caller with the most connections; strangers when they have as many. */
  #callerWithMost(): string {
    let most = STRANGERS;
    let count = this.#perCaller.get(STRANGERS) ?? 0;
    for (const [caller, own] of this.#perCaller) {
      if (own <= count) continue;
      most = caller;
      count = own;
    }
    return most;
  }

  #forget({ socket, address, caller }: Connection): void {
    if (this.#served.delete(socket)) add(this.#perCaller, caller, -1);
    else if (!this.#silent.delete(socket)) return;
    add(this.#perAddress, address, -1);
  }
}

/** Adds to a count; counts of zero are not kept. */
function add(counts: Map<string, number>, name: string, change: number): void {
  const count = (counts.get(name) ?? 0) + change;
  if (count === 0) counts.delete(name);
  else counts.set(name, count);
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  /** The tenant of its last request; empty before and without a verified token. */
  tenant: string;
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

/** The tenant of callers without a verified token. */
const STRANGERS = '';

/**
 * The connections of the server. When there are too many, one that waits for its client goes: the oldest of those that
 * never sent a request, else, of the tenant with the most connections, the one that has waited longest for the next
 * request or the rest of one, else that of any tenant. Otherwise a thousand silent ones would keep out everybody behind
 * the same address, and a thousand of one tenant would push out the few of another.
 */
export class OpenConnections {
  readonly #limits: ConnectionLimits;
  readonly #nowMs: () => number;
  /** Those that have sent no header yet, the oldest first. */
  readonly #silent = new Map<Socket, Connection>();
  /** The others, in the order of {@link Connection.sinceMs}. */
  readonly #served = new Map<Socket, Connection>();
  readonly #perAddress = new Map<string, number>();
  /** Connections of each tenant among {@link #served}. */
  readonly #perTenant = new Map<string, number>();

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
    const connection = { socket, address, tenant: STRANGERS, sinceMs: this.#nowMs(), request: undefined };
    this.#silent.set(socket, connection);
    add(this.#perAddress, address, 1);
    socket.once('close', () => this.#forget(connection));
    return true;
  }

  /**
   * To be called when the header of a request has arrived; false when its connection found no place.
   * @param tenant who asked, as is known once it is answered; a token that nobody verified may say anything
   */
  serve(request: IncomingMessage, response: ServerResponse, tenant: () => string): boolean {
    const { socket } = request;
    const connection = this.#silent.get(socket) ?? this.#served.get(socket);
    if (connection === undefined) return false;
    if (this.#silent.delete(socket)) add(this.#perTenant, connection.tenant, 1);
    this.#change(connection, request);
    response.once('close', () => {
      if (!this.#served.has(socket)) return;
      this.#name(connection, tenant());
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

  #name(connection: Connection, tenant: string): void {
    if (tenant === connection.tenant) return;
    add(this.#perTenant, connection.tenant, -1);
    add(this.#perTenant, tenant, 1);
    connection.tenant = tenant;
  }

  #longestWaiting(address: string | undefined): Connection | undefined {
    return (
      this.#firstWaiting(this.#silent, address) ??
      this.#firstWaiting(this.#served, address, this.#tenantWithMost()) ??
      this.#firstWaiting(this.#served, address)
    );
  }

  #firstWaiting(
    tier: ReadonlyMap<Socket, Connection>,
    address: string | undefined,
    tenant?: string,
  ): Connection | undefined {
    const untilMs = this.#nowMs() - this.#limits.graceMs;
    for (const connection of tier.values()) {
      if (connection.sinceMs > untilMs) return undefined;
      if (address !== undefined && connection.address !== address) continue;
      if (tenant !== undefined && connection.tenant !== tenant) continue;
      // A request that has arrived whole is ours to answer.
      if (!connection.request?.complete) return connection;
    }
    return undefined;
  }

  /** The tenant with the most connections; strangers when they have as many. */
  #tenantWithMost(): string {
    let most = STRANGERS;
    let count = this.#perTenant.get(STRANGERS) ?? 0;
    for (const [tenant, own] of this.#perTenant) {
      if (own <= count) continue;
      most = tenant;
      count = own;
    }
    return most;
  }

  #forget({ socket, address, tenant }: Connection): void {
    if (this.#served.delete(socket)) add(this.#perTenant, tenant, -1);
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

import type { Duplex, Writable } from 'node:stream';
import {
  type Connection,
  type PoolClient,
  Query,
  type QueryConfig,
  type QueryResult,
  type QueryResultRow,
} from 'pg';

// All code that relies on internals of pg 8, whose version is pinned. Before raising it, run
// test/unit/db/query-as.test.ts and with-pg.test.ts.

/**
 * Buffers writes to the connection until the next tick, so that BEGIN and the first statement leave in one packet: one
 * system call here, one wake-up of the server's process.
 */
export function holdWrites(client: PoolClient): void {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Writable } }).connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

/** Methods of pg's Query (pg/lib/query.js) that a subclass needs and @types/pg omits. */
interface WireQuery {
  submit(connection: Connection): Error | null;
  handleDataRow(message: object): void;
  handleCommandComplete(message: object, connection: Connection): void;
}
type Answered<Row extends QueryResultRow> = (error: Error | null, result: QueryResult<Row>) => void;
const WireQuery = Query as unknown as new (
  config: QueryConfig & { readonly queryMode: 'extended' },
  values: undefined,
  callback: Answered<never>,
) => WireQuery;

/** Closes a connection at once, without telling the server; a query that waits on it fails. */
export function cutConnection(client: PoolClient): void {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Duplex } }).connection;
  stream.destroy(new Error('connection terminated on purpose'));
}

/** Process id of the server's process behind an open connection, on the server's machine. */
export function serverPid(client: PoolClient): number {
  return (client as unknown as { readonly processID: number }).processID;
}

interface BoundStatement {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly name?: string;
}

/**
 * A query preceded by the prepared statement that sets the identity, both in one implicit transaction. The answer to the
 * identity statement is skipped.
 */
export class QueryWithIdentity<Row extends QueryResultRow> extends WireQuery {
  readonly #identity: { readonly statement: string; readonly values: string[] };
  #isIdentityDone = false;

  /**
   * @param identityStatement name of the prepared statement that goes first
   * @param values of that statement
   */
  constructor(
    statement: BoundStatement,
    identityStatement: string,
    values: string[],
    callback: Answered<Row>,
  ) {
    super({ ...statement, values: [...statement.values], queryMode: 'extended' }, undefined, callback);
    this.#identity = { statement: identityStatement, values };
  }

  override submit(connection: Connection): Error | null {
    connection.stream.cork();
    try {
      connection.bind(this.#identity, true);
      connection.execute({}, true);
      const refused = super.submit(connection);
      // The identity statement is sent without a query after it, so the next query would get its answer.
      if (refused !== null) connection.stream.destroy(refused);
      return refused;
    } finally {
      connection.stream.uncork();
    }
  }

  override handleDataRow(message: object): void {
    if (this.#isIdentityDone) super.handleDataRow(message);
  }

  override handleCommandComplete(message: object, connection: Connection): void {
    if (this.#isIdentityDone) super.handleCommandComplete(message, connection);
    else this.#isIdentityDone = true;
  }
}

/** More bytes arrived on a connection than allowed. */
export class TooManyBytesError extends Error {
  override readonly name = 'TooManyBytesError';
}

/**
 * Runs `work` and cuts the connection when more than `maxBytes` arrive meanwhile or `signal` is aborted, so that no
 * larger result is ever held in memory. The server's process notices the closed connection
 * (client_connection_check_interval, or its next write) and ends the statement.
 * @throws TooManyBytesError, the signal's reason, or what `work` throws
 */
export async function withinBytes<T>(
  client: PoolClient,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Duplex } }).connection;
  let read = 0;
  let cut: unknown;
  const cutOff = (reason: unknown): void => {
    cut ??= reason;
    stream.destroy(new Error('connection terminated on purpose'));
  };
  const onData = (chunk: Buffer): void => {
    read += chunk.length;
    if (read > maxBytes) cutOff(new TooManyBytesError(`more than ${maxBytes} bytes`));
  };
  const onAbort = (): void => cutOff(signal.reason);
  stream.on('data', onData);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work();
  } catch (error) {
    throw cut ?? error;
  } finally {
    stream.off('data', onData);
    signal.removeEventListener('abort', onAbort);
  }
}

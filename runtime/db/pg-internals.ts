import type { Duplex, Writable } from 'node:stream';
import {
  type Connection,
  type PoolClient,
  Query,
  type QueryConfig,
  type QueryResult,
  type QueryResultRow,
} from 'pg';

// Everything here that relies on how pg 8 works inside: its version is pinned, and these are the tests to run before
// it is raised: test/unit/db/query-as.test.ts and with-pg.test.ts.

/**
 * Holds back what is written to the connection until the promises that can settle now have settled, so that BEGIN
 * and the first statement leave in one packet: one system call here, one wake-up of the server's process.
 */
export function holdWrites(client: PoolClient): void {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Writable } }).connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

/** Of pg's Query, what a subclass needs to know (pg/lib/query.js) and @types/pg leaves out. */
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

/** Ends a connection without a word to the server; a query that waits on it fails. */
export function cutConnection(client: PoolClient): void {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Duplex } }).connection;
  stream.destroy(new Error('connection terminated on purpose'));
}

interface BoundStatement {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly name?: string;
}

/** A query that is sent behind a prepared statement, whose answer it leaves out, within one transaction. */
export class QueryBehindIdentity<Row extends QueryResultRow> extends WireQuery {
  readonly #before: { readonly statement: string; readonly values: string[] };
  #isBehind = false;

  constructor(statement: BoundStatement, before: string, values: string[], callback: Answered<Row>) {
    super({ ...statement, values: [...statement.values], queryMode: 'extended' }, undefined, callback);
    this.#before = { statement: before, values };
  }

  override submit(connection: Connection): Error | null {
    connection.stream.cork();
    try {
      connection.bind(this.#before, true);
      connection.execute({}, true);
      const refused = super.submit(connection);
      // The identity is on its way without a statement behind it, and the next query would get its answer.
      if (refused !== null) connection.stream.destroy(refused);
      return refused;
    } finally {
      connection.stream.uncork();
    }
  }

  override handleDataRow(message: object): void {
    if (this.#isBehind) super.handleDataRow(message);
  }

  override handleCommandComplete(message: object, connection: Connection): void {
    if (this.#isBehind) super.handleCommandComplete(message, connection);
    else this.#isBehind = true;
  }
}

/** What arrived on a connection was more than it may be. */
export class TooManyBytesError extends Error {
  override readonly name = 'TooManyBytesError';
}

/**
 * Runs `work` and cuts the connection when more than `maxBytes` arrive meanwhile, or when `signal` is aborted: the
 * answer of a statement is never gathered in memory beyond that. The server's process notices that nobody listens
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

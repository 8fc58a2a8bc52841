import { DatabaseError } from 'pg';
import { LogLineError, MalformedError, UnavailableError } from '../base/errors';
import type { Identity } from '../base/identity';
import type { JsonValue } from '../base/span';
import { CONFIGURATION_LIMIT_EXCEEDED, QUERY_CANCELED } from '../db/database-error';
import type { DatabaseOptions } from '../db/database-options';
import { cutConnection, TooManyBytesError, withinBytes } from '../db/pg-internals';
import { Database } from '../db/pool';
import { openReader, type Reader, type ReaderOptions, requireSeen } from '../db/reader';
import { inTransaction } from '../db/transaction';
import { type CheckedSql, checkSql, SqlRefusedError } from '../sandbox';
import { Turns } from './turns';

/** Connections for user SQL; see {@link openGuestDatabase}. */
export const GUEST_POOL_SIZE = 4;
/** Connections that one tenant may use at a time, so that it leaves one to the others. */
const PER_TENANT = GUEST_POOL_SIZE - 1;
/** Concurrent statements of one run; further ones wait. */
const PER_RUN = 4;
const MAX_WAITING_PER_RUN = 100;
const MAX_WAITING_PER_TENANT = 200;
const MAX_WAITING = 1_000;
/** Most different statement texts of one run, since each is parsed, even if refused. */
const MAX_TEXTS_PER_RUN = 100;
/** Rows that one statement of user code may return. */
const MAX_ROWS = 1_000;
/** Most bytes of one statement's result on the wire. */
const MAX_RESULT_BYTES = 4 * 1024 * 1024;
export const GUEST_STATEMENT_TIMEOUT_MS = 2_000;
/** How much longer than the statement timeout to wait for the server to report it. */
const ANSWER_GRACE_MS = 5_000;

/** A pool for user SQL: few connections with a timeout of their own. @param options for the guest role */
export function openGuestDatabase(options: DatabaseOptions): Database {
  return new Database(asGuest(options));
}

/** A reader for user SQL, with as many connections as the writer's pool. @param options for the guest role */
export function openGuestReader(
  options: DatabaseOptions,
  limits?: Pick<ReaderOptions, 'waitMs' | 'restMs'>,
): Reader {
  return openReader(asGuest(options), limits);
}

function asGuest(options: DatabaseOptions): DatabaseOptions {
  return {
    ...options,
    poolSize: GUEST_POOL_SIZE,
    answerTimeoutMs: GUEST_STATEMENT_TIMEOUT_MS + ANSWER_GRACE_MS,
    applicationName: 'logline guest',
  };
}

const PREFIX = 'DECLARE user_query NO SCROLL CURSOR FOR ';
const MAX_MESSAGE_CHARACTERS = 300;

/** A statement of `ctx.sql`. */
export interface UserStatement {
  readonly text: string;
  readonly values: readonly JsonValue[];
}

type Rows = { rows: JsonValue[] };

interface GuestQuery {
  readonly checked: CheckedSql;
  readonly values: readonly unknown[];
  /** Ends it, waiting or running. */
  readonly signal: AbortSignal;
}

/** Where user SQL runs, as the role of guests. */
export interface UserSqlDatabases {
  readonly writer: Database;
  /** Answers what it is certain to have all of. Defaults to none. */
  readonly reader?: Reader | undefined;
}

/**
 * Runs SQL of user code on connections of its own: few, shared fairly between tenants, and closed when a result is too
 * large. Turns cover reader and writer together, so that no more statements run than on the writer alone.
 */
export class UserSql {
  readonly #databases: UserSqlDatabases;
  readonly #turns = new Turns({
    size: GUEST_POOL_SIZE,
    perLane: PER_TENANT,
    maxWaiting: MAX_WAITING,
    maxWaitingPerLane: MAX_WAITING_PER_TENANT,
  });

  constructor(databases: UserSqlDatabases) {
    this.#databases = databases;
  }

  /**
   * What one run may do.
   * @param seenXmax `pg_snapshot_xmax` of a snapshot of the writer: the run sees what that one saw. Without it the run
   *   reads from the writer
   */
  ofRun(identity: Identity, seenXmax?: string): UserSqlRun {
    return new UserSqlRun(this.#databases, this.#turns, identity, seenXmax);
  }
}

/** The SQL of one run. */
export class UserSqlRun {
  readonly #databases: UserSqlDatabases;
  readonly #shared: Turns;
  readonly #own = new Turns({ size: PER_RUN, maxWaiting: MAX_WAITING_PER_RUN });
  readonly #identity: Identity;
  /** The newest transaction that the run must see, with all before it; or everything, which only the writer has. */
  #seen: bigint | 'all';
  #texts = 0;

  constructor(databases: UserSqlDatabases, shared: Turns, identity: Identity, seenXmax: string | undefined) {
    this.#databases = databases;
    this.#shared = shared;
    this.#identity = identity;
    this.#seen = seenXmax === undefined ? 'all' : BigInt(seenXmax) - 1n;
  }

  /**
   * Later statements of the run see what it appended.
   * @param txId the transaction; undefined for an append that failed, or found its spans there already: the run was told
   *   then of something of any age
   */
  appended(txId: string | undefined): void {
    if (txId === undefined) this.#seen = 'all';
    else if (this.#seen !== 'all' && BigInt(txId) > this.#seen) this.#seen = BigInt(txId);
  }

  /**
   * Runs one query under the owner's identity. Four layers of defence: PostgreSQL's own parser with an allow-list
   * (checkSql), a role that can read nothing but spans, a read-only transaction, and a cursor, which accepts only a query.
   * @param signal ends it, waiting or running: the run is over
   * @throws SqlRefusedError, MalformedError for too many rows or bytes, UnavailableError when too many wait, and what
   *   PostgreSQL says of the query
   */
  run(statement: UserStatement, signal: AbortSignal): Promise<Rows> {
    const lane = this.#identity.tenant;
    return this.#own.take('', signal, () =>
      this.#shared.take(lane, signal, () => this.#answer(statement, signal)),
    );
  }

  async #answer({ text, values }: UserStatement, signal: AbortSignal): Promise<Rows> {
    if (this.#texts >= MAX_TEXTS_PER_RUN)
      throw new SqlRefusedError(
        `ctx.sql: a run has at most ${MAX_TEXTS_PER_RUN} different texts; put what differs into values: \${…}`,
      );
    // Counted before it is parsed, since a refused text costs as much.
    this.#texts += 1;
    const bound = values.map(bindable);
    const checked = await checkSql(text, bound.map(textOf));
    if (!checked.isNew) this.#texts -= 1;
    try {
      return await this.#read({ checked, values: bound, signal });
    } catch (error) {
      throw publicError(error, checked);
    }
  }

  #read(query: GuestQuery): Promise<Rows> {
    const { writer, reader } = this.#databases;
    const seen = this.#seen;
    if (reader === undefined || seen === 'all') return this.#readFrom(writer, query, undefined);
    return reader.run(writer, seen, (database, isReplica) => {
      // What the writer shows must not be gone from a reader afterwards.
      if (!isReplica) this.#seen = 'all';
      return this.#readFrom(database, query, isReplica ? seen : undefined);
    });
  }

  /** @param seen what a reader has to have; undefined for the writer */
  #readFrom(
    database: Database,
    { checked, values, signal }: GuestQuery,
    seen: bigint | undefined,
  ): Promise<Rows> {
    return inTransaction(
      database,
      this.#identity,
      ({ client }) =>
        withinBytes(client, { maxBytes: MAX_RESULT_BYTES, signal }, async () => {
          await Promise.all([
            seen === undefined ? undefined : requireSeen(client, seen),
            client.query(`${PREFIX}${checked.text}`, [...values]),
          ]);
          const { rows } = await client.query(`FETCH ${MAX_ROWS + 1} FROM user_query`);
          if (checked.leavesTraces) cutConnection(client);
          if (rows.length > MAX_ROWS)
            throw new MalformedError(`The query returns more than ${MAX_ROWS} rows; add a LIMIT.`);
          // The way through JSON that the rows take anyway; done here, so that nothing else can be handed out.
          return { rows: JSON.parse(JSON.stringify(rows)) };
        }),
      { readOnly: true, statementTimeoutMs: GUEST_STATEMENT_TIMEOUT_MS },
    );
  }
}

/** Lists become PostgreSQL arrays; any other object is JSON. */
function bindable(value: JsonValue): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? JSON.stringify(value) : value;
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Classes of PostgreSQL's errors that are about the query and what it computes: features, cardinality, data and syntax. */
const ABOUT_THE_QUERY = /^(0A|21|22|42)/;
const INSUFFICIENT_PRIVILEGE = '42501';

/** The part of a failure that user code may see: PostgreSQL's message and position, if the error is about its query. */
function publicError(error: unknown, checked: CheckedSql): unknown {
  const cause = error instanceof LogLineError ? (error.cause ?? error) : error;
  if (cause instanceof TooManyBytesError) {
    return new MalformedError(
      `The query returns more than ${MAX_RESULT_BYTES} bytes; ask for fewer rows or columns.`,
      { cause },
    );
  }
  if (!(cause instanceof DatabaseError)) return error;
  const { code = '', message } = cause;
  if (code === QUERY_CANCELED) {
    return new UnavailableError(
      `The query took longer than ${GUEST_STATEMENT_TIMEOUT_MS} ms; ask for less.`,
      { cause, retryAfterSeconds: 2 },
    );
  }
  if (code === CONFIGURATION_LIMIT_EXCEEDED) {
    return new MalformedError(
      'The query gathers more than it may keep on disk, in a sort or as its answer; ask for fewer rows or columns.',
      { cause },
    );
  }
  if (code === INSUFFICIENT_PRIVILEGE || !ABOUT_THE_QUERY.test(code)) return error;
  const printed = Number(cause.position) - PREFIX.length;
  const place = printed > 0 ? checked.position(printed) : undefined;
  const where = place === undefined ? '' : ` (at character ${place})`;
  return new SqlRefusedError(`ctx.sql: ${message.slice(0, MAX_MESSAGE_CHARACTERS)}${where}`, { cause });
}

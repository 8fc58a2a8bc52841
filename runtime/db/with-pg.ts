import type { Writable } from 'node:stream';
import { Kysely, PostgresDialect } from 'kysely';
import { escapeLiteral, type PoolClient, type QueryResult } from 'pg';
import type { DB } from './database.generated';
import { asLogLineError, isConnectionLost } from './database-error';
import { checkIdentity, type Identity } from './identity';
import type { Database } from './pool';

/** One open transaction under one identity. */
export interface Transaction {
  /** Typed queries, bound to this transaction. */
  readonly db: Kysely<DB>;
  /** The connection itself, for what has no place in a query builder. */
  readonly client: PoolClient;
  /**
   * What this transaction sees, as PostgreSQL's `pg_snapshot` text. Only a `snapshot: true` transaction
   * keeps seeing the same; for any other this is what its first statement saw.
   */
  snapshot(): Promise<string>;
  /** What it was opened with. */
  readonly settings: PlannerSettings | undefined;
}

/** Settings of PostgreSQL's planner that a transaction may need. */
export interface PlannerSettings {
  readonly enable_sort?: 'on' | 'off';
  readonly plan_cache_mode?: 'auto' | 'force_generic_plan' | 'force_custom_plan';
}

export interface TransactionOptions {
  /** The transaction cannot write, and its end is not waited for. Defaults to false. */
  readonly readOnly?: boolean;
  /** All statements see one snapshot (REPEATABLE READ). Defaults to false. */
  readonly snapshot?: boolean;
  /** Overrides the pool's statement timeout for this transaction. */
  readonly statementTimeoutMs?: number;
  /** For this transaction only; they travel with BEGIN. */
  readonly settings?: PlannerSettings;
}

/**
 * The one place that opens a transaction: it runs `work` with `app.user_id` and `app.tenant_id` set for
 * this transaction only, so that a pooled connection carries nobody's identity further.
 *
 * BEGIN and the identity are sent together with the first statement of `work`, in one round trip.
 * @throws LogLineError; what `work` throws of its own passes through.
 */
export async function withPg<T>(
  database: Database,
  identity: Identity,
  work: (transaction: Transaction) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const begin = beginStatement(checkIdentity(identity), options);
  const client = await database.connect().catch((error) => {
    throw asLogLineError(error);
  });
  try {
    holdWrites(client);
    const opened = client.query(begin) as unknown as Promise<QueryResult[]>;
    // Awaited below; until then a failure must not count as unhandled.
    opened.catch(() => undefined);
    const result = await work(new OpenTransaction(client, opened, options.settings));
    await opened;
    await finish(client, options.readOnly ?? false);
    return result;
  } catch (error) {
    await abandon(client, error);
    throw asLogLineError(error);
  }
}

/**
 * Holds back what is written to the connection until the promises that can settle now have settled, so that BEGIN
 * and the first statement leave in one packet: one system call here, one wake-up of the server's process.
 */
function holdWrites(client: PoolClient): void {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Writable } }).connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

class OpenTransaction implements Transaction {
  readonly client: PoolClient;
  readonly settings: PlannerSettings | undefined;
  readonly #opened: Promise<QueryResult[]>;
  #db: Kysely<DB> | undefined;

  constructor(client: PoolClient, opened: Promise<QueryResult[]>, settings: PlannerSettings | undefined) {
    this.client = client;
    this.#opened = opened;
    this.settings = settings;
  }

  /** Made on first use: not every transaction needs a query builder. */
  get db(): Kysely<DB> {
    this.#db ??= kyselyOn(this.client);
    return this.#db;
  }

  /** Bound to its transaction, since callers take it apart. */
  readonly snapshot = (): Promise<string> => snapshotOf(this.#opened);
}

function beginStatement(identity: Identity, options: TransactionOptions): string {
  const { user, tenant } = identity;
  const mode = `${options.snapshot ? ' ISOLATION LEVEL REPEATABLE READ' : ''}${options.readOnly ? ' READ ONLY' : ''}`;
  const timeout =
    options.statementTimeoutMs === undefined
      ? ''
      : `SET LOCAL statement_timeout = ${Math.trunc(options.statementTimeoutMs)};`;
  const settings = Object.entries(options.settings ?? {})
    .map(([name, value]) => `set_config(${escapeLiteral(name)}, ${escapeLiteral(String(value))}, true), `)
    .join('');
  return (
    `BEGIN${mode};${timeout}` +
    `SELECT set_config('app.user_id', ${escapeLiteral(user)}, true), ` +
    `set_config('app.tenant_id', ${escapeLiteral(tenant)}, true), ${settings}pg_current_snapshot()::text AS snapshot`
  );
}

async function snapshotOf(opened: Promise<QueryResult[]>): Promise<string> {
  const row: unknown = (await opened).at(-1)?.rows[0];
  if (typeof row === 'object' && row !== null && 'snapshot' in row && typeof row.snapshot === 'string') {
    return row.snapshot;
  }
  throw new TypeError('the opening statement returned no snapshot');
}

/** Kysely over a connection that stays ours: it neither opens nor releases anything. */
function kyselyOn(client: PoolClient): Kysely<DB> {
  const borrowed = { query: client.query.bind(client), release: () => undefined };
  const pool = { connect: async () => borrowed, end: async () => undefined };
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool: pool as never }) });
}

async function finish(client: PoolClient, readOnly: boolean): Promise<void> {
  const commit = client.query('COMMIT');
  if (!readOnly) {
    await commit;
    client.release();
    return;
  }
  // Nothing depends on the end of a transaction that wrote nothing.
  commit.then(
    () => client.release(),
    (error) => client.release(error),
  );
}

/** Gives the connection back clean, or not at all. */
async function abandon(client: PoolClient, error: unknown): Promise<void> {
  if (isConnectionLost(error)) {
    client.release(true);
    return;
  }
  await client.query('ROLLBACK').then(
    () => client.release(),
    () => client.release(true),
  );
}

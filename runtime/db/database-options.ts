import type { LookupFunction } from 'node:net';

/** A password that may change while the process runs. */
export interface PasswordSource {
  /** The password to try next. */
  current(): Promise<string>;
  /** Called when the server refused the current one: fetch it again, or switch to the other candidate. */
  refused(): void;
}

/** The address of the database and the time limits there. */
export interface DatabaseOptions {
  /** `postgres://…`. Alternative to host, port and database. */
  readonly connectionString?: string;
  readonly host?: string;
  /** How the host's name becomes an address. Defaults to the system's resolver, for each connection. */
  readonly lookup?: LookupFunction;
  /** Defaults to 5432. */
  readonly port?: number;
  readonly database?: string;
  /** Role to log in as. Defaults to the one in `connectionString`. */
  readonly user?: string;
  /**
   * A fixed password, or a source that is asked at each new connection (rotated secrets). A source needs host, port
   * and database instead of a `connectionString`.
   */
  readonly password?: string | PasswordSource;
  /**
   * `rds`: TLS, verified against the AWS RDS certificate bundle. `system`: TLS, verified against the CAs
   * Node trusts. `{ca}`: against these PEM certificates. `off`: plain TCP, for loopback only; what a
   * `connectionString` says about `sslmode` then still holds. Defaults to `off`.
   */
  readonly tls?: 'off' | 'rds' | 'system' | { readonly ca: string };
  /** Most connections of this pool. Defaults to 10. */
  readonly poolSize?: number;
  /** Longest wait for a free or new connection. Defaults to 5,000. */
  readonly connectTimeoutMs?: number;
  /** Defaults to the role's setting, 15,000 for most roles. Leave unset behind a pooler, which refuses it. */
  readonly statementTimeoutMs?: number;
  /**
   * A connection whose statement gets no answer for this long is dropped, even if TCP has not noticed a loss. Defaults
   * to `statementTimeoutMs` (else 15,000) plus 5,000; 0 disables it.
   */
  readonly answerTimeoutMs?: number;
  /** Defaults to the role's setting, 5,000 for most roles. Leave unset behind a pooler. */
  readonly lockTimeoutMs?: number;
  /**
   * The server ends a transaction that is idle for this long, since it would hold the feed back. Defaults to the
   * role's setting, 15,000 for most roles. Leave unset behind a pooler.
   */
  readonly idleInTransactionTimeoutMs?: number;
  /** Shown in `pg_stat_activity`. Defaults to `logline`. */
  readonly applicationName?: string;
}

/** The same database, logged in as another role. */
export function asRole(options: DatabaseOptions, user: string, password: string): DatabaseOptions {
  if (options.connectionString === undefined) return { ...options, user, password };
  const url = new URL(options.connectionString);
  url.username = encodeURIComponent(user);
  url.password = encodeURIComponent(password);
  return { ...options, connectionString: url.href, user };
}

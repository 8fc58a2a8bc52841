import type { LookupFunction } from 'node:net';

/** A password that may change while the process runs. */
export interface PasswordSource {
  /** The password to try next. */
  current(): Promise<string>;
  /** The server refused the current one: fetch it again, or go to the other one that may hold. */
  refused(): void;
}

/** Where the database is and how long anything may take there. */
export interface DatabaseOptions {
  /** `postgres://…`. Alternative to host, port and database. */
  readonly connectionString?: string;
  readonly host?: string;
  /** How the host's name becomes an address. Defaults to the system's resolver, for each connection. */
  readonly lookup?: LookupFunction;
  /** Defaults to 5432. */
  readonly port?: number;
  readonly database?: string;
  /** Role to log in as. Defaults to what `connectionString` says. */
  readonly user?: string;
  /**
   * A fixed password, or a source that is asked at each new connection (rotated secrets). A source goes with
   * host, port and database: a `connectionString` carries its own password.
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
  /** A caller waits this long for a free or new connection. Defaults to 5,000. */
  readonly connectTimeoutMs?: number;
  /** Defaults to what stands on the role, 15,000 for most. Not through a pooler, which refuses it. */
  readonly statementTimeoutMs?: number;
  /**
   * A statement without an answer for this long means that the server is lost, even if TCP has not noticed;
   * the connection is dropped. Defaults to `statementTimeoutMs`, else 15,000, and 5,000 on top; 0 is never.
   */
  readonly answerTimeoutMs?: number;
  /** Defaults to what stands on the role, 5,000 for most. Not through a pooler. */
  readonly lockTimeoutMs?: number;
  /** An open transaction that does nothing is ended by the server: it would hold the feed back. Defaults to what stands on the role, 15,000 for most. Not through a pooler. */
  readonly idleInTransactionTimeoutMs?: number;
  /** Shown in `pg_stat_activity`. Defaults to `logline`. */
  readonly applicationName?: string;
}

/** The same database for another role. */
export function asRole(options: DatabaseOptions, user: string, password: string): DatabaseOptions {
  if (options.connectionString === undefined) return { ...options, user, password };
  const url = new URL(options.connectionString);
  url.username = encodeURIComponent(user);
  url.password = encodeURIComponent(password);
  return { ...options, connectionString: url.href, user };
}

import { asRole, type DatabaseOptions } from '../runtime/db/database-options';
import { ROLE_KEYS, type RoleKey, roleName } from '../runtime/db/roles';
import type { DataDirectory } from './data-directory';
import type { LocalKeys } from './keys';
import { databaseUrl, ensureLedgerDatabase, LEDGER_DATABASE, OWNER_ROLE } from './ledger-database';
import { rememberedPort, rememberPort } from './local-state';
import { OperatorError, oneLine, systemErrorCode } from './operator-error';
import { poolerFault, type TimeLimits } from './pooler-check';
import { type PostgresServer, startPostgres } from './postgres';
import { POSTGRES_MAJOR } from './postgres-binaries';

/** Roles with a connection to the standby: Stage-0's, and user SQL's. */
export type ReaderRole = 'app' | 'guest';

/** The database of a local run: the embedded one, or that of DATABASE_URL. */
export interface LocalDatabase {
  /** Connection as the owner of the schema, for migrations only. */
  readonly admin: DatabaseOptions;
  /** Connection for each database role. */
  readonly as: Readonly<Record<RoleKey, DatabaseOptions>>;
  /** Connections to a standby for each role that reads there; undefined without one. */
  readonly reader: Readonly<Record<ReaderRole, DatabaseOptions>> | undefined;
  /** Description for the user, without a password. */
  readonly description: string;
  /** Port of the embedded server; undefined with DATABASE_URL. */
  readonly port: number | undefined;
  stop(): Promise<void>;
}

/** Options of {@link openLocalDatabase}. */
export interface LocalDatabaseOptions {
  readonly data: DataDirectory;
  readonly keys: LocalKeys;
  /** URL of the owner on the user's own server; undefined starts the embedded one. */
  readonly url: string | undefined;
  /** URL of a standby of that server; role and password in it are ignored. */
  readonly readUrl?: string | undefined;
  /** Time limits from the environment, which a pooler may refuse or ignore. Defaults to none. */
  readonly limits?: TimeLimits | undefined;
  /** Prefix of the roles' names. */
  readonly rolePrefix: string;
  readonly onProgress: (message: string) => void;
  /** Called when the embedded server died and was restarted, or could not be (`fatal`). */
  readonly onTrouble: (message: string, fatal: boolean) => void;
}

/** @throws OperatorError when the database cannot be reached or started */
export async function openLocalDatabase(options: LocalDatabaseOptions): Promise<LocalDatabase> {
  return options.url === undefined ? startEmbedded(options) : reachOwn(options, options.url);
}

async function reachOwn(options: LocalDatabaseOptions, url: string): Promise<LocalDatabase> {
  const { keys, rolePrefix } = options;
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new OperatorError(
      'DATABASE_URL is not a URL; it should look like postgres://owner:password@host:5432/database',
      {
        exitCode: 2,
      },
    );
  }
  if (!/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new OperatorError('DATABASE_URL must begin with postgres:// or postgresql://', { exitCode: 2 });
  }
  const description = `PostgreSQL at ${parsed.hostname}:${parsed.port || 5432}${parsed.pathname}`;
  const admin: DatabaseOptions = { connectionString: url };
  await greet(admin, description, options.limits);
  return {
    admin,
    as: forEachRole((role) => asRole(admin, roleName(role, rolePrefix), keys.passwords[role])),
    reader: readerOf(options),
    description,
    port: undefined,
    stop: async () => undefined,
  };
}

/** @throws OperatorError (exit code 2) when the URL is invalid */
function readerOf({ readUrl, rolePrefix, keys }: LocalDatabaseOptions): LocalDatabase['reader'] {
  if (readUrl === undefined) return undefined;
  if (!URL.canParse(readUrl) || !/^postgres(ql)?:$/.test(new URL(readUrl).protocol)) {
    throw new OperatorError(
      'DATABASE_READ_URL is not usable; it should look like postgres://reader.example:5432/database',
      { exitCode: 2 },
    );
  }
  const as = (role: ReaderRole) =>
    asRole({ connectionString: readUrl }, roleName(role, rolePrefix), keys.passwords[role]);
  return { app: as('app'), guest: as('guest') };
}

/** Connects once, so that a wrong URL or an unsuitable pooler gets a clear message first. */
async function greet(admin: DatabaseOptions, description: string, limits?: TimeLimits): Promise<void> {
  let fault: string | undefined;
  try {
    fault = await poolerFault(admin, limits);
  } catch (cause) {
    const why = systemErrorCode(cause) === '28P01' ? 'wrong user or password' : reason(cause);
    throw new OperatorError(
      `cannot reach ${description} (${why}); check DATABASE_URL and that the server runs`,
      {
        cause,
      },
    );
  }
  if (fault !== undefined)
    throw new OperatorError(`the pooler at ${description} cannot be used, since ${fault}; then start again`);
}

/** Node reports several failed addresses of one host as an AggregateError without a message. */
function reason(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return oneLine(error.errors[0]);
  return oneLine(error);
}

async function startEmbedded(options: LocalDatabaseOptions): Promise<LocalDatabase> {
  const { data, keys, rolePrefix } = options;
  const keeper = new ServerKeeper(options, await rememberedPort(data));
  const server = await keeper.start();
  try {
    await rememberPort(data, server.port);
    await ensureLedgerDatabase(server.superuserUrl('postgres'), keys.passwords.owner);
  } catch (error) {
    await keeper.stop();
    throw error;
  }
  const url = (role: string, password: string): DatabaseOptions => ({
    connectionString: databaseUrl(server.port, role, password, LEDGER_DATABASE),
  });
  return {
    admin: url(OWNER_ROLE, keys.passwords.owner),
    as: forEachRole((role) => url(roleName(role, rolePrefix), keys.passwords[role])),
    reader: readerOf(options),
    description: `PostgreSQL ${POSTGRES_MAJOR} on port ${server.port}`,
    port: server.port,
    stop: () => keeper.stop(),
  };
}

function forEachRole(optionsOf: (role: RoleKey) => DatabaseOptions): Record<RoleKey, DatabaseOptions> {
  return Object.fromEntries(ROLE_KEYS.map((role) => [role, optionsOf(role)])) as Record<
    RoleKey,
    DatabaseOptions
  >;
}

const MAX_RESTARTS = 5;

/** Restarts the embedded server on the same port when it dies. */
class ServerKeeper {
  readonly #options: LocalDatabaseOptions;
  #preferredPort: number | undefined;
  #server: PostgresServer | undefined;
  #stopping = false;
  #restarts = 0;
  /** The running restart, for which a stop waits. */
  #restart: Promise<void> = Promise.resolve();

  constructor(options: LocalDatabaseOptions, preferredPort: number | undefined) {
    this.#options = options;
    this.#preferredPort = preferredPort;
  }

  async start(): Promise<PostgresServer> {
    const { data, keys, onProgress } = this.#options;
    const server = await startPostgres({
      dataDir: data.postgres,
      logFile: data.postgresLog,
      superuserPassword: keys.passwords.superuser,
      ...(this.#preferredPort === undefined ? {} : { preferredPort: this.#preferredPort }),
      onProgress,
    });
    this.#server = server;
    this.#preferredPort = server.port;
    void server.ended.then(() => {
      if (!this.#stopping) this.#restart = this.#startAgain(server.port);
    });
    return server;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#restart;
    await this.#server?.stop();
  }

  async #startAgain(port: number): Promise<void> {
    const { onTrouble, data } = this.#options;
    this.#restarts += 1;
    if (this.#restarts > MAX_RESTARTS) {
      onTrouble(`the embedded PostgreSQL ended ${this.#restarts} times; see ${data.postgresLog}`, true);
      return;
    }
    onTrouble('the embedded PostgreSQL ended; starting it again', false);
    try {
      const server = await this.start();
      // The pool has the old port, which another program has taken.
      if (server.port !== port)
        onTrouble(`port ${port} of the database was taken; start LogLine again`, true);
    } catch (error) {
      onTrouble(oneLine(error), true);
    }
  }
}

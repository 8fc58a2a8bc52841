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

/** The database of a local run: the embedded one, or one that DATABASE_URL names. */
export interface LocalDatabase {
  /** As the owner of the schema. Migrations only. */
  readonly admin: DatabaseOptions;
  /** As each of the roles that sessions of the ledger run as. */
  readonly as: Readonly<Record<RoleKey, DatabaseOptions>>;
  /** A standby, as Stage-0's role; undefined without one. */
  readonly reader: DatabaseOptions | undefined;
  /** For people, without a password. */
  readonly description: string;
  /** Undefined with DATABASE_URL. */
  readonly port: number | undefined;
  stop(): Promise<void>;
}

export interface LocalDatabaseOptions {
  readonly data: DataDirectory;
  readonly keys: LocalKeys;
  /** URL of the owner on a server of the user's own. Undefined starts the embedded one. */
  readonly url: string | undefined;
  /** URL of a standby of that server; its role and password are passed over. */
  readonly readUrl?: string | undefined;
  /** Time limits that the environment asks for, which a pooler may refuse or drop. Defaults to none. */
  readonly limits?: TimeLimits | undefined;
  /** What the roles' names begin with. */
  readonly rolePrefix: string;
  readonly onProgress: (message: string) => void;
  /** Told when the embedded server died and was started again, or could not be (`fatal`). */
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

/** @throws OperatorError (exit code 2) when the URL is none */
function readerOf({ readUrl, rolePrefix, keys }: LocalDatabaseOptions): DatabaseOptions | undefined {
  if (readUrl === undefined) return undefined;
  if (!URL.canParse(readUrl) || !/^postgres(ql)?:$/.test(new URL(readUrl).protocol)) {
    throw new OperatorError(
      'DATABASE_READ_URL is not usable; it should look like postgres://reader.example:5432/database',
      { exitCode: 2 },
    );
  }
  return asRole({ connectionString: readUrl }, roleName('app', rolePrefix), keys.passwords.app);
}

/** Connects once, to explain a wrong URL or an unusable pooler before anything else depends on it. */
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

/** Keeps the embedded server running: when it dies, starts it again on the same port. */
class ServerKeeper {
  readonly #options: LocalDatabaseOptions;
  #preferredPort: number | undefined;
  #server: PostgresServer | undefined;
  #stopping = false;
  #restarts = 0;
  /** The restart under way, so that a stop can wait for it. */
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
      // The pool knows the old port; another program took it in the meantime.
      if (server.port !== port)
        onTrouble(`port ${port} of the database was taken; start LogLine again`, true);
    } catch (error) {
      onTrouble(oneLine(error), true);
    }
  }
}

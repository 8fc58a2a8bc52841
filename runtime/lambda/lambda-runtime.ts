import { ConfigurationError } from '../base/errors';
import { cryptoReady } from '../crypto';
import type { DatabaseOptions, PasswordSource } from '../db/database-options';
import { Database } from '../db/pool';
import { type RoleKey, roleName } from '../db/roles';
import type { KeyRing } from '../ledger/keys/key-ring';
import { createLogger, type Logger } from '../log/logger';
import { CONNECTIONS_PER_INSTANCE, type Environment, readEnvironment } from './environment';
import { RotatingKeys } from './rotating-keys';
import { RotatingPassword } from './rotating-password';
import { SecretReader } from './secret-reader';

/** The parts that every Lambda function of LogLine needs. */
export interface LambdaRuntime {
  /** Names the function to the database. */
  readonly service: string;
  readonly environment: Environment;
  readonly secrets: SecretReader;
  readonly database: Database;
  /** As `logline_kernel`; of use in kernels only. */
  readonly kernelDatabase: Database;
  /** The current instance keys. */
  readonly keys: () => KeyRing;
  /**
   * Reads the keys again if they are old. Call it at the start of an event, since a frozen function runs no timers. Never
   * throws.
   * @param maxAgeMs how old the keys may be. Defaults to 300,000.
   */
  readonly refreshKeys: (maxAgeMs?: number) => Promise<void>;
  readonly logger: Logger;
}

/**
 * Reads the environment and the signing key, and prepares the pool; nothing connects before it is used.
 * @throws ConfigurationError, or what the SDK throws when a secret cannot be read.
 */
export async function openLambdaRuntime(service: string): Promise<LambdaRuntime> {
  const environment = readEnvironment();
  const secrets = new SecretReader();
  const logger = createLogger(service);
  const [keys] = await Promise.all([
    RotatingKeys.open(secrets, environment.signingKeySecretArn),
    cryptoReady(),
  ]);
  const access = { service, environment, secrets };
  const database = databaseAs('app', access);
  return {
    ...access,
    database,
    kernelDatabase: databaseAs('kernel', access),
    keys: () => keys.ring(),
    refreshKeys: (maxAgeMs) => keys.refresh(logger, maxAgeMs),
    logger,
  };
}

type DatabaseAccess = Pick<LambdaRuntime, 'service' | 'environment' | 'secrets'>;

/**
 * The pool of a role; it connects when it is used.
 * @param poolSize defaults to {@link CONNECTIONS_PER_INSTANCE}, or to what the environment says
 */
export function databaseAs(role: RoleKey, access: DatabaseAccess, poolSize?: number): Database {
  return new Database({
    ...databaseOptions(role, access),
    ...(poolSize === undefined ? {} : { poolSize }),
  });
}

/** The database's address and password for a role. */
export function databaseOptions(
  role: RoleKey,
  { service, environment, secrets }: DatabaseAccess,
): DatabaseOptions {
  return {
    host: environment.databaseHost,
    port: environment.databasePort,
    database: environment.databaseName,
    user: roleName(role),
    password: passwordOf(role, environment, secrets),
    tls: environment.databaseTls,
    poolSize: CONNECTIONS_PER_INSTANCE,
    ...environment.settings.database,
    applicationName: `logline ${service}`,
  };
}

/** The secret of a role; a function that has none does not log in as it. */
export function passwordOf(
  role: RoleKey,
  { databaseSecretArn, roleSecretArns }: Environment,
  secrets: SecretReader,
): PasswordSource {
  const arn = role === 'app' ? databaseSecretArn : roleSecretArns[role];
  if (arn !== undefined) return new RotatingPassword(secrets, arn);
  return {
    current: () =>
      Promise.reject(new ConfigurationError(`This function does not log in as ${roleName(role)}.`)),
    refused: () => undefined,
  };
}

/** Caches the result of `work` for all events; a failure is not cached, so that the next event retries. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

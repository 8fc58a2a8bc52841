import { setTimeout } from 'node:timers/promises';
import { ConfigurationError } from '../base/errors';
import { NOBODY } from '../base/identity';
import { analyzeLedger } from '../db/analyze-ledger';
import type { DatabaseOptions } from '../db/database-options';
import { migrate } from '../db/migrate';
import { runStatement } from '../db/query-as';
import type { RoleKey, RolePasswords } from '../db/roles';
import { publishKeys } from '../ledger/keys/key-publisher';
import { seed } from '../ledger/seed';
import { SpanWriter } from '../ledger/span-writer';
import { checkpointKeysOf, rotatedCheckpointKey } from './checkpoint-key-secret';
import { type Environment, readEnvironment } from './environment';
import { fillSecrets, newLogin, roleSecrets } from './first-secrets';
import { changedKeys, type KeyChange, settlesInMs } from './key-change';
import { type LambdaRuntime, once, openLambdaRuntime } from './lambda-runtime';
import { type RestoredStack, settleRestored } from './restored-stack';
import { SecretKeeper } from './secret-keeper';
import { SecretReader } from './secret-reader';

/** The event of `pulumi up`, the operator's commands and the schedule. Without a `change` it only migrates and seeds. */
export interface MigratorEvent {
  readonly trigger: 'deployment' | 'operator' | 'schedule';
  readonly change?:
    | KeyChange['change']
    | 'rotate_passwords'
    | 'rotate_checkpoint_key'
    | 'rotate_due'
    | 'restore';
  /** Of `revoke_key`: 64 hexadecimal digits. */
  readonly public_key?: string;
  /** Of `revoke_key`: RFC 3339 time from which on the key is in doubt. Defaults to now. */
  readonly since?: string;
  /** Of `rotate_due`: how old a password may be. Without it passwords stay. */
  readonly passwords_days?: number;
  /** Of `rotate_due`: how old the signing key may be. Without it the key stays. */
  readonly keys_days?: number;
}

/** A rotation of the key of checkpoints. */
export interface CheckpointKeyChange {
  readonly public_key: string;
  readonly replaced_public_key: string;
}

/** The migrator's result: its changes, a line each, and values for the deployment. Contains no secret. */
export interface MigratorResult {
  readonly migrations: readonly string[];
  readonly seeds: readonly string[];
  /** Changes of the key history. */
  readonly keys: readonly string[];
  /** Secrets that had no value before. */
  readonly secrets: readonly string[];
  /** Public half of the key that signs. */
  readonly public_key: string;
  /** While a rotation is under way: seconds until the next key may sign. */
  readonly promote_in_seconds?: number;
  /** Public keys of checkpoints after a rotation: the signing one, and the previous one that also signs. */
  readonly checkpoint_keys?: CheckpointKeyChange;
  /** The result of a restore. */
  readonly restored?: RestoredStack;
}

/** The clock of rotations, so that tests need not wait for minutes. */
export interface Clock {
  readonly now: () => Date;
  readonly pause: (ms: number) => Promise<void>;
}

const SYSTEM_CLOCK: Clock = { now: () => new Date(), pause: (ms) => setTimeout(ms) };
const DAY_MS = 86_400_000;
/** A timer may fire a little early. */
const SPARE_MS = 1_000;

/**
 * Fills empty secrets, applies migrations, sets the passwords of the database's roles and seeds the ledger, as part of
 * `pulumi up`. Also changes keys and passwords for an operator or by schedule, and finishes the restore of a database, so
 * that no secret has to leave AWS for that. An error fails the deployment, or the command, with its message.
 * @param clock defaults to the system's
 */
export function createMigratorHandler(
  clock: Clock = SYSTEM_CLOCK,
): (event?: MigratorEvent) => Promise<MigratorResult> {
  const keeper = new SecretKeeper(new SecretReader());
  const open = once(() => openLambdaRuntime('migrator'));
  return async (event) => {
    // Before anything else: the rest of the runtime needs a key to open.
    const made = await fillSecrets(readEnvironment(), keeper);
    const runtime = await open();
    const { environment, secrets, logger, refreshKeys } = runtime;
    await refreshKeys(0);
    const change = event?.change;
    let checkpointKeys: CheckpointKeyChange | undefined;
    if (event?.change === 'rotate_due') await rotateDue(runtime, keeper, event, clock);
    else if (change === 'rotate_passwords')
      await renewPasswords(runtime, keeper, Object.entries(roleSecrets(environment)));
    else if (change === 'rotate_checkpoint_key') checkpointKeys = await renewCheckpointKey(runtime, keeper);
    else if (event !== undefined && change !== undefined && change !== 'restore')
      await changeKeys(runtime, keeper, keyChangeOf(event), clock.now());
    await refreshKeys(0);
    const result = {
      ...(await bringUpToDate(runtime, change === 'restore')),
      secrets: made,
      ...(checkpointKeys && { checkpoint_keys: checkpointKeys }),
    };
    const waitMs = settlesInMs(await secrets.readObject(environment.signingKeySecretArn), clock.now());
    logger.info({ ...result }, 'migrated');
    return waitMs > 0 ? { ...result, promote_in_seconds: Math.ceil(waitMs / 1_000) } : result;
  };
}

async function bringUpToDate(
  runtime: LambdaRuntime,
  isRestored: boolean,
): Promise<Omit<MigratorResult, 'secrets'>> {
  const { environment, secrets, database, keys, logger } = runtime;
  const onProgress = (line: string) => logger.info(line);
  const admin = await readAdmin(environment, secrets);
  const passwords = await readRolePasswords(environment, secrets);
  const migrations = await migrate({ admin, passwords, onProgress });
  const writer = new SpanWriter({ database, signingKey: () => keys().current });
  const restored = isRestored
    ? await settleRestored(runtime, admin, (identity, drafts) => writer.append(identity, drafts))
    : undefined;
  const result = { migrations, public_key: keys().current.publicKeyHex, ...(restored && { restored }) };
  if (await isRestoreNeeded(runtime)) {
    // While a restore is pending, seeds might be ordered before existing cursors.
    onProgress('the database was put back: nothing is planted until npx logline restore --stack has run');
    return { ...result, seeds: [], keys: [] };
  }
  const published = await publishKeys({ database, writer, ring: keys(), onProgress });
  const seeds = await seed({ database, writer, keys: keys(), onProgress });
  if (migrations.length > 0) await analyzeLedger(admin);
  return { ...result, seeds, keys: published };
}

async function isRestoreNeeded({ database }: LambdaRuntime): Promise<boolean> {
  const [state] = await runStatement(database, NOBODY, 'restore_needed', []);
  return state?.restore_needed === true;
}

/** Read at each run, since RDS rotates the owner's password every seven days. */
async function readAdmin(environment: Environment, secrets: SecretReader): Promise<DatabaseOptions> {
  if (environment.masterSecretArn === undefined) {
    throw new ConfigurationError('LOGLINE_MASTER_SECRET_ARN is not set.');
  }
  const { username, password } = await secrets.readObject(environment.masterSecretArn);
  return {
    host: environment.databaseHost,
    port: environment.databasePort,
    database: environment.databaseName,
    ...(username === undefined ? {} : { user: username }),
    ...(password === undefined ? {} : { password }),
    tls: environment.databaseTls,
  };
}

/** The passwords of the roles that have a secret; the others cannot log in. */
async function readRolePasswords(environment: Environment, secrets: SecretReader): Promise<RolePasswords> {
  const passwords = await Promise.all(
    Object.entries(roleSecrets(environment)).map(async ([role, arn]) => [
      role,
      (await secrets.readObject(arn)).password,
    ]),
  );
  return Object.fromEntries(passwords.filter(([, password]) => password !== undefined));
}

/**
 * Makes new passwords, which the following migration sets. Until then functions log in with the previous version, so that
 * version must be the one that the database has: not one that an interrupted rotation never set.
 */
async function renewPasswords(
  runtime: LambdaRuntime,
  keeper: SecretKeeper,
  secrets: readonly (readonly [role: string, arn: string])[],
): Promise<void> {
  if (secrets.length === 0) return;
  await bringUpToDate(runtime, false);
  for (const [role, arn] of secrets) {
    await keeper.replace(arn, newLogin(role as RoleKey));
    runtime.logger.info({ role }, 'password rotated');
  }
}

/** The sealer reads it within five minutes, and publishes it before it signs. */
async function renewCheckpointKey(
  { environment, secrets }: LambdaRuntime,
  keeper: SecretKeeper,
): Promise<CheckpointKeyChange> {
  const arn = environment.checkpointKeySecretArn;
  if (arn === undefined) throw new ConfigurationError('This stack has no proofs (logline:proofs).');
  const before = await secrets.readObject(arn);
  const after = rotatedCheckpointKey(before);
  await keeper.replace(arn, JSON.stringify(after));
  const publicKeyOf = (secret: typeof before) => checkpointKeysOf(secret).current.publicKeyHex;
  return { public_key: publicKeyOf(after), replaced_public_key: publicKeyOf(before) };
}

/**
 * Rotates what is older than scheduled. A key takes two steps with minutes in between, in which every function reads the
 * next one; an interrupted rotation is finished.
 */
async function rotateDue(
  runtime: LambdaRuntime,
  keeper: SecretKeeper,
  { passwords_days, keys_days }: MigratorEvent,
  clock: Clock,
): Promise<void> {
  const { environment, secrets } = runtime;
  const isDue = async (secret: string, days: number | undefined) => {
    const madeAt = days === undefined ? undefined : await secrets.madeAt(secret);
    return madeAt !== undefined && clock.now().getTime() - madeAt.getTime() >= (days ?? 0) * DAY_MS;
  };
  const old: [string, string][] = [];
  for (const login of Object.entries(roleSecrets(environment)))
    if (await isDue(login[1], passwords_days)) old.push(login);
  await renewPasswords(runtime, keeper, old);
  const arn = environment.signingKeySecretArn;
  const isUnderWay = (await secrets.readObject(arn)).next_seed_hex !== undefined;
  if (keys_days === undefined || !(isUnderWay || (await isDue(arn, keys_days)))) return;
  // Checked again the next day.
  if (await isRestoreNeeded(runtime)) return;
  await changeKeys(runtime, keeper, { change: 'announce_key' }, clock.now());
  await runtime.refreshKeys(0);
  await bringUpToDate(runtime, false);
  const waitMs = settlesInMs(await secrets.readObject(arn), clock.now());
  if (waitMs > 0) await clock.pause(waitMs + SPARE_MS);
  // The database may have been restored to a state before the key was introduced.
  if (await isRestoreNeeded(runtime)) return;
  await changeKeys(runtime, keeper, { change: 'promote_key' }, clock.now());
}

/** @throws ConfigurationError while a restore is pending: a key that cannot be introduced in the ledger must not sign */
async function changeKeys(
  runtime: LambdaRuntime,
  keeper: SecretKeeper,
  change: KeyChange,
  now: Date,
): Promise<void> {
  const { environment, secrets, database } = runtime;
  if (await isRestoreNeeded(runtime))
    throw new ConfigurationError(
      'The database was put back, so no key can be changed; run npx logline restore --stack first.',
    );
  const before = await secrets.readObject(environment.signingKeySecretArn);
  const after = changedKeys(before, change, now);
  if (after === before) return;
  if (change.change === 'revoke_key') {
    // Seeds that the key signed are signed again before it loses its trust, so that kernels can always boot.
    const revoked = { publicKeyHex: change.public_key, from: change.since };
    const ring = runtime.keys().withRevoked(revoked);
    const writer = new SpanWriter({ database, signingKey: () => ring.current });
    await seed({ database, writer, keys: ring });
  }
  await keeper.replace(environment.signingKeySecretArn, JSON.stringify(after));
}

/** @throws ConfigurationError for an unknown change */
function keyChangeOf({ change, public_key = '', since }: MigratorEvent): KeyChange {
  switch (change) {
    case 'announce_key':
    case 'promote_key':
      return { change };
    case 'revoke_key':
      return { change, public_key, ...(since === undefined ? {} : { since }) };
    default:
      throw new ConfigurationError(`The migrator knows no change "${change}".`);
  }
}

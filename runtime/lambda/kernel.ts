import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { ConfigurationError } from '../base/errors';
import type { JsonValue } from '../base/span';
import { analyzeLedger } from '../db/analyze-ledger';
import type { DatabaseOptions } from '../db/database-options';
import { migrate } from '../db/migrate';
import type { RolePasswords } from '../db/roles';
import { roleName } from '../db/roles';
import { type JobOutcome, runJob } from '../host/job-runner';
import { KernelHost } from '../host/kernel-host';
import { createOutgoingHttp } from '../host/outgoing-http';
import { SCHEDULE, type ScheduledJob } from '../host/schedule';
import { awsSecretStore } from '../host/secret-store';
import { openGuestDatabase } from '../host/user-sql';
import type { KernelOutcome } from '../kernels/kernel-context';
import type { KernelName } from '../kernels/stable-ids';
import { publishKeys } from '../ledger/keys/key-publisher';
import { seed } from '../ledger/seed';
import { SpanWriter } from '../ledger/span-writer';
import { SandboxPool } from '../sandbox';
import type { KernelCall } from './lambda-invoker';
import { LambdaInvoker } from './lambda-invoker';
import { derivedPassword, type LambdaRuntime, once, openLambdaRuntime } from './lambda-runtime';
import { RotatingPassword } from './rotating-password';

/** Left at the end of a run for writing down what happened. */
const RESERVE_MS = 5_000;

/** A tick from the queue, a call of another function, or a planned run of a daily job. */
type KernelEvent = SQSEvent | KernelCall | { readonly trigger: string; readonly scheduled_for?: string };

interface OpenKernel {
  readonly runtime: LambdaRuntime;
  readonly host: KernelHost;
}

/** One of the five kernels as a Lambda function. */
export function createHandler(
  kernel: KernelName,
): (event: KernelEvent, context: Context) => Promise<SQSBatchResponse | KernelOutcome | JobOutcome> {
  const open = once(() => openKernel(kernel));
  return async (event, context) => {
    const opened = await open();
    await opened.runtime.refreshKeys();
    const timeoutMs = Math.max(1_000, context.getRemainingTimeInMillis() - RESERVE_MS);
    if ('Records' in event) return runTicks(opened, kernel, event, timeoutMs);
    if ('logline_call' in event) {
      const { identity, event: call } = event.logline_call;
      return opened.host.invoke(kernel, identity, call, timeoutMs);
    }
    return runDaily(opened, kernel, event, timeoutMs);
  };
}

async function openKernel(kernel: KernelName): Promise<OpenKernel> {
  const runtime = await openLambdaRuntime(kernel);
  const { database, kernelDatabase, keys, logger, environment, secrets } = runtime;
  const writer = new SpanWriter({ database, signingKey: () => keys().current });
  const isCaller = Object.keys(environment.kernelFunctions).length > 0;
  const host = new KernelHost({
    database,
    kernelDatabase,
    guest: openGuestDatabase(guestOptions(runtime)),
    writer,
    keys,
    sandbox: new SandboxPool({ size: 4, onFault: (err) => logger.error({ err }, 'sandbox worker failed') }),
    logger,
    fetch: createOutgoingHttp(),
    secrets: awsSecretStore(secrets, environment.providerKeysSecretArn),
    ...(isCaller ? { invoker: new LambdaInvoker(environment.kernelFunctions, logger) } : {}),
  });
  return { runtime, host };
}

/** The role of guests, as soon as this function may read its password; before, user SQL runs as Stage-0 does. */
function guestOptions({ environment, secrets, logger }: LambdaRuntime): DatabaseOptions {
  const secretArn = environment.roleSecretArns.guest;
  if (secretArn === undefined) logger.warn('no password of the role for user SQL; it runs as logline_app');
  return {
    host: environment.databaseHost,
    port: environment.databasePort,
    database: environment.databaseName,
    user: roleName(secretArn === undefined ? 'app' : 'guest'),
    password: new RotatingPassword(secrets, secretArn ?? environment.databaseSecretArn),
    tls: environment.databaseTls,
    ...(environment.settings.database.tls === undefined ? {} : { tls: environment.settings.database.tls }),
  };
}

/** Several ticks of one batch are one: each finds all the work there is. Only what failed goes back. */
async function runTicks(
  opened: OpenKernel,
  kernel: KernelName,
  { Records }: SQSEvent,
  timeoutMs: number,
): Promise<SQSBatchResponse> {
  const job = SCHEDULE.find((one) => one.kernel === kernel && one.cadence.kind === 'interval');
  if (job === undefined) throw new ConfigurationError(`${kernel} takes no ticks.`);
  const { outcome } = await run(opened, job, { trigger: 'schedule' }, timeoutMs);
  return {
    batchItemFailures:
      outcome === 'error' ? Records.map(({ messageId }) => ({ itemIdentifier: messageId })) : [],
  };
}

/** A failed night is thrown, so that Lambda tries it again and sets it aside in the end. */
async function runDaily(
  opened: OpenKernel,
  kernel: KernelName,
  event: { readonly trigger: string; readonly scheduled_for?: string },
  timeoutMs: number,
): Promise<JobOutcome> {
  const job = SCHEDULE.find(
    (one) => one.job === event.trigger && one.kernel === kernel && one.cadence.kind === 'daily',
  );
  if (job === undefined) throw new ConfigurationError(`${kernel} has no daily job ${event.trigger}.`);
  const scheduledFor = event.scheduled_for ?? new Date().toISOString();
  const outcome = await run(opened, job, { trigger: job.job, scheduled_for: scheduledFor }, timeoutMs);
  if (outcome.outcome === 'error') throw new Error(outcome.message);
  return outcome;
}

function run(
  { runtime, host }: OpenKernel,
  job: ScheduledJob,
  event: JsonValue,
  timeoutMs: number,
): Promise<JobOutcome> {
  return runJob(
    { kernelDatabase: runtime.kernelDatabase, host, logger: runtime.logger, timeoutMs },
    job,
    event,
  );
}

/** What the migrator did. */
export interface MigratorResult {
  readonly migrations: readonly string[];
  readonly seeds: readonly string[];
  /** Changes of the key history. */
  readonly keys: readonly string[];
}

/**
 * Applies migrations, sets the passwords of the database's roles and plants the seeds, as part of `pulumi up`. An error
 * fails the deployment with its message.
 */
export function createMigratorHandler(): () => Promise<MigratorResult> {
  const open = once(() => openLambdaRuntime('migrator'));
  return async () => {
    const { environment, secrets, database, keys, refreshKeys, logger } = await open();
    // A rotation has just written the secret and wants it published.
    await refreshKeys(0);
    if (environment.masterSecretArn === undefined)
      throw new ConfigurationError('LOGLINE_MASTER_SECRET_ARN is not set.');
    const owner = await secrets.readObject(environment.masterSecretArn);
    const onProgress = (line: string) => logger.info(line);
    const admin = {
      host: environment.databaseHost,
      port: environment.databasePort,
      database: environment.databaseName,
      ...(owner.username === undefined ? {} : { user: owner.username }),
      ...(owner.password === undefined ? {} : { password: owner.password }),
      tls: environment.databaseTls,
    };
    const migrations = await migrate({
      admin,
      passwords: await readRolePasswords(environment, secrets),
      onProgress,
    });
    const writer = new SpanWriter({ database, signingKey: () => keys().current });
    const published = await publishKeys({ database, writer, ring: keys(), onProgress });
    const seeds = await seed({ database, writer, keys: keys(), onProgress });
    if (migrations.length > 0) await analyzeLedger(admin);
    return { migrations, seeds, keys: published };
  };
}

/** The passwords of the roles that functions log in as. */
async function readRolePasswords(
  { databaseSecretArn, roleSecretArns }: LambdaRuntime['environment'],
  secrets: LambdaRuntime['secrets'],
): Promise<RolePasswords> {
  const { password: app } = await secrets.readObject(databaseSecretArn);
  const own = await Promise.all(
    Object.entries(roleSecretArns).map(async ([role, arn]) => [
      role,
      (await secrets.readObject(arn)).password,
    ]),
  );
  return {
    ...(app === undefined ? {} : { app, kernel: derivedPassword(app, 'kernel') }),
    ...Object.fromEntries(own.filter(([, password]) => password !== undefined)),
  };
}

import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { ConfigurationError } from '../base/errors';
import type { JsonValue } from '../base/span';
import { type JobOutcome, runJob } from '../host/job-runner';
import { jobOfTick } from '../host/kernel-event';
import { KernelHost } from '../host/kernel-host';
import { createOutgoingHttp } from '../host/outgoing-http';
import { SCHEDULE, type ScheduledJob } from '../host/schedule';
import { awsSecretStore } from '../host/secret-store';
import { openGuestDatabase, openGuestReader } from '../host/user-sql';
import type { KernelOutcome } from '../kernels/kernel-context';
import type { KernelName } from '../kernels/stable-ids';
import { AppendLimits } from '../ledger/append-limits';
import { SpanWriter } from '../ledger/span-writer';
import { SandboxPool } from '../sandbox';
import type { KernelCall } from './lambda-invoker';
import { LambdaInvoker } from './lambda-invoker';
import { databaseOptions, type LambdaRuntime, once, openLambdaRuntime } from './lambda-runtime';

export { createMigratorHandler } from './migrator';
export { createSealerHandler } from './sealer';

/** Time kept at the end of a run for recording it. */
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
      return opened.host.invoke(kernel, identity, call, { timeoutMs });
    }
    return runDaily(opened, kernel, event, timeoutMs);
  };
}

async function openKernel(kernel: KernelName): Promise<OpenKernel> {
  const runtime = await openLambdaRuntime(kernel);
  const { database, kernelDatabase, keys, logger, environment, secrets } = runtime;
  const limits = new AppendLimits({ database, trusted: () => keys().trusted });
  const writer = new SpanWriter({ database, signingKey: () => keys().current, limits });
  const guest = databaseOptions('guest', runtime);
  const readHost = environment.databaseReadHost;
  const isCaller = Object.keys(environment.kernelFunctions).length > 0;
  const host = new KernelHost({
    database,
    kernelDatabase,
    guest: openGuestDatabase(guest),
    guestReader: readHost === undefined ? undefined : openGuestReader({ ...guest, host: readHost }),
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

/** Runs several ticks of one batch as one, since each finds all work. Only failed messages return to the queue. */
async function runTicks(
  opened: OpenKernel,
  kernel: KernelName,
  { Records }: SQSEvent,
  timeoutMs: number,
): Promise<SQSBatchResponse> {
  const [name, ...others] = new Set(Records.map(({ body }) => jobOfTick(body)));
  const job = SCHEDULE.find(
    (one) => one.job === name && one.kernel === kernel && one.cadence.kind === 'interval',
  );
  if (job === undefined || others.length > 0)
    throw new ConfigurationError(`${kernel} takes no ticks of ${[name, ...others].join(', ')}.`);
  const { outcome } = await run(opened, job, { trigger: 'schedule' }, timeoutMs);
  return {
    batchItemFailures:
      outcome === 'error' ? Records.map(({ messageId }) => ({ itemIdentifier: messageId })) : [],
  };
}

/** A failed night is thrown, so that Lambda retries it. */
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

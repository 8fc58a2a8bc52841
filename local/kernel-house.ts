import { Socket } from 'node:net';
import { FairTurns } from '../runtime/base/fair-turns';
import { cryptoReady } from '../runtime/crypto';
import { serverPid } from '../runtime/db/pg-internals';
import { Database } from '../runtime/db/pool';
import { KernelHost } from '../runtime/host/kernel-host';
import { createOutgoingHttp } from '../runtime/host/outgoing-http';
import { localSecretStore } from '../runtime/host/secret-store';
import { openGuestDatabase, openGuestReader } from '../runtime/host/user-sql';
import { AppendLimits } from '../runtime/ledger/append-limits';
import { SpanWriter } from '../runtime/ledger/span-writer';
import { SandboxPool } from '../runtime/sandbox';
import type { DataDirectory } from './data-directory';
import { devSettings } from './dev-settings';
import { FramedPipe } from './framed-pipe';
import { keepHeapSmall } from './heap';
import { IdleCollection } from './idle-collection';
import {
  type FromKernels,
  MAX_CALLS,
  MAX_FRAME_BYTES,
  MAX_WAITING_BYTES,
  parseToKernels,
  type ToKernels,
} from './kernel-messages';
import { KERNEL_PIPE_FD } from './kernel-process';
import { requireKeys } from './keys';
import { LiveKeys } from './live-keys';
import { yieldProcessors } from './niceness';
import { OperatorError, oneLine } from './operator-error';
import { OtlpTraces } from './otlp-traces';
import { openRunLog } from './run-log';
import { openSealing, type Sealing } from './sealing';
import { startTicker } from './ticker';
import { runSpan } from './trace-span';
import { tracedHttp } from './traced-http';

/** Connections of the kernels, besides those of user SQL. */
const POOL_SIZE = 8;
/** Connections for finding and claiming work. */
const WORK_POOL_SIZE = 6;
/** Milliseconds for a clean end after the API has exited. */
const LAST_MS = 5_000;
/** Niceness of the kernels: where both want a processor, the API and PostgreSQL get three quarters of it. */
const KERNELS_NICENESS = 5;
/** Niceness of a server process that runs user SQL. Each is a session; the API gets 28 times as much as one. */
const GUEST_NICENESS = 15;
/** Ignored here: the API handles these signals and sends a stop message. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

interface House {
  readonly host: KernelHost;
  readonly sealing: Sealing;
  stop(): Promise<void>;
}

/**
 * Main of the kernel process: takes calls over the inherited pipe and runs the schedule. Ends on a stop message, or when
 * the pipe ends.
 * @throws OperatorError when it was started without a pipe
 */
export async function runKernelHouse(data: DataDirectory): Promise<void> {
  for (const signal of SIGNALS) process.on(signal, () => undefined);
  void yieldProcessors(process.pid, KERNELS_NICENESS);
  const stream = inheritedPipe();
  let house: Promise<House> | undefined;
  const underWay = new Map<number, AbortController>();
  await new Promise<void>((resolve) => {
    const pipe = new FramedPipe(stream, {
      maxFrameBytes: MAX_FRAME_BYTES,
      maxWaitingBytes: MAX_WAITING_BYTES,
      onMessage: (value) => onMessage(parseToKernels(value)),
      onEnd: resolve,
    });
    const send = (message: FromKernels): void => {
      try {
        pipe.send(message);
      } catch {
        // The pipe has ended or is full; the API times the call out.
      }
    };
    const onMessage = (message: ToKernels): void => {
      if (message.type === 'stop') {
        resolve();
        return;
      }
      if (message.type === 'committed') {
        void house?.then(
          ({ sealing }) => sealing.wake(),
          () => undefined,
        );
        return;
      }
      if (message.type === 'start') {
        house ??= openHouse(data, message, send);
        house.then(
          () => send({ type: 'ready' }),
          (error: unknown) => send({ type: 'failed', message: oneLine(error) }),
        );
        return;
      }
      if (message.type === 'cancel') {
        underWay.get(message.call)?.abort();
        return;
      }
      if (underWay.size >= MAX_CALLS) throw new Error('the API has more calls under way than it may');
      const abort = new AbortController();
      underWay.set(message.call, abort);
      void answer(house, message, abort.signal).then((outcome) => {
        underWay.delete(message.call);
        send(outcome);
      });
    };
  });
  setTimeout(() => process.exit(1), LAST_MS).unref();
  await house?.then(
    (opened) => opened.stop(),
    () => undefined,
  );
  process.exit(0);
}

function inheritedPipe(): Socket {
  try {
    return new Socket({ fd: KERNEL_PIPE_FD, readable: true, writable: true });
  } catch (cause) {
    throw new OperatorError('npm start runs the kernels by itself; there is nothing to start by hand', {
      cause,
      exitCode: 2,
    });
  }
}

async function answer(
  house: Promise<House> | undefined,
  { call, kernel, identity, event }: Extract<ToKernels, { type: 'invoke' }>,
  signal: AbortSignal,
): Promise<FromKernels> {
  try {
    if (house === undefined) throw new Error('a call came before the start');
    const { host } = await house;
    return { type: 'outcome', call, outcome: await host.invoke(kernel, identity, event, { signal }) };
  } catch {
    const error = {
      code: 'unavailable',
      message: 'The kernels cannot run just now.',
      retry_after_s: 2,
    } as const;
    return { type: 'outcome', call, outcome: { ok: false, error, execution: null } };
  }
}

/** Traces of runs; undefined without a collector. */
function openTraces(onTrouble: (message: string) => void): OtlpTraces | undefined {
  const endpoint = devSettings().otlpEndpoint;
  return endpoint === undefined ? undefined : new OtlpTraces({ endpoint, onTrouble });
}

async function openHouse(
  data: DataDirectory,
  { database: options, guestReader: readerOptions, isEmbedded }: Extract<ToKernels, { type: 'start' }>,
  send: (message: FromKernels) => void,
): Promise<House> {
  const onTrouble = (message: string): void => send({ type: 'trouble', message });
  const { app, guest, kernel, sealer, auditor } = options;
  if (
    app === undefined ||
    guest === undefined ||
    kernel === undefined ||
    sealer === undefined ||
    auditor === undefined
  ) {
    throw new Error('the database was not named');
  }
  await cryptoReady();
  const settings = devSettings().runtime;
  const { logger, close: closeLog } = openRunLog(data.log, onTrouble, { rotate: false });
  const live = new LiveKeys({ data, keys: await requireKeys(data), onChange: () => undefined, onTrouble });
  const keys = () => live.ring();
  const { poolSize: _poolSize, ...limits } = settings.database;
  const database = new Database({
    ...app,
    ...limits,
    poolSize: POOL_SIZE,
    applicationName: 'logline kernels',
  });
  const kernelDatabase = new Database({
    ...kernel,
    ...limits,
    poolSize: WORK_POOL_SIZE,
    applicationName: 'logline work',
  });
  const tls = limits.tls === undefined ? {} : { tls: limits.tls };
  const guests = openGuestDatabase({ ...guest, ...tls });
  if (isEmbedded)
    guests.pool.on('connect', (client) => void yieldProcessors(serverPid(client), GUEST_NICENESS));
  const guestReader = readerOptions && openGuestReader({ ...readerOptions, ...tls });
  const turns = new FairTurns();
  const writer = new SpanWriter({
    database,
    signingKey: () => keys().current,
    turns,
    limits: new AppendLimits({ database, trusted: () => keys().trusted }),
    onCommit: () => wakeSealing(),
  });
  let wakeSealing = (): void => undefined;
  // Sealing runs here rather than in the API, whose event loop it would block while hashing and signing.
  const sealing = await openSealing({
    data,
    sealer: { ...sealer, ...limits },
    auditor: { ...auditor, ...limits },
    keys,
    logger,
    origin: process.env.LOGLINE_ORIGIN || undefined,
    witnesses: process.env.LOGLINE_WITNESSES ?? '',
    witnessedTenants: process.env.LOGLINE_WITNESSED_TENANTS ?? '',
    database,
    append: (identity, drafts, appendOptions) => writer.append(identity, drafts, appendOptions),
    onTrouble,
  });
  wakeSealing = () => sealing.wake();
  const sandbox = new SandboxPool({
    onFault: (err) => logger.error({ err }, 'sandbox worker failed'),
    onRun: (outcome, isKilled) =>
      send({ type: 'ran', outcome: outcome.ok ? 'ok' : outcome.error.code, isKilled }),
  });
  const traces = openTraces(onTrouble);
  const outgoing = createOutgoingHttp();
  const host = new KernelHost({
    database,
    turns,
    guest: guests,
    guestReader,
    kernelDatabase,
    writer,
    keys,
    sandbox,
    logger,
    fetch: traces === undefined ? outgoing : tracedHttp(outgoing, traces),
    secrets: localSecretStore(data.providerKeys),
    ...(traces === undefined ? {} : { onInvoked: (invoked) => traces.add(runSpan(invoked)) }),
  });
  // Starts a worker thread, so that the first run does not wait for it.
  await sandbox.warm();
  const ticker = await startTicker({
    kernelDatabase,
    host,
    logger,
    idempotencyDays: settings.idempotencyDays,
  });
  keepHeapSmall();
  const idle = IdleCollection.start();
  logger.info({ pid: process.pid }, 'kernels ready');
  return {
    host,
    sealing,
    async stop() {
      idle.stop();
      await Promise.all([ticker.stop(), sandbox.close(), sealing.stop(), traces?.close()]);
      await Promise.all([database.close(), guests.close(), guestReader?.close(), kernelDatabase.close()]);
      closeLog();
    },
  };
}

import { cryptoReady } from '../runtime/crypto';
import { serverPid } from '../runtime/db/pg-internals';
import { Database } from '../runtime/db/pool';
import { openReader } from '../runtime/db/reader';
import { BootGuard } from '../runtime/host/boot-guard';
import { KernelFunctionStarter } from '../runtime/host/kernel-function-starter';
import type { KernelInvoker } from '../runtime/host/kernel-invoker';
import { expectedTicks } from '../runtime/host/schedule';
import { publishKeys } from '../runtime/ledger/keys/key-publisher';
import type { KeyRing } from '../runtime/ledger/keys/key-ring';
import { seed } from '../runtime/ledger/seed';
import type { SpanWriter } from '../runtime/ledger/span-writer';
import type { Logger } from '../runtime/log/logger';
import type { Settings } from '../runtime/settings';
import { assembleStage0 } from '../runtime/stage0/assemble-stage0';
import type { SeenRequest } from '../runtime/stage0/stage0';
import { builtOnDemand } from './explorer-files';
import type { LocalDatabase } from './local-database';
import { yieldProcessors } from './niceness';

/** Two statements of each kind that `AppendQueueOptions.bulk` is for. */
const BULK_POOL_SIZE = 6;
const BULK_NICENESS = 10;

/** The running API. */
export interface Ledger {
  readonly database: Database;
  readonly writer: SpanWriter;
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** See {@link AssembledStage0.tenantOf}. */
  readonly tenantOf: (authorization: string | undefined) => string;
  close(): Promise<void>;
}

/** Options of {@link openLedger}. */
export interface LedgerOptions {
  readonly database: LocalDatabase;
  /** Returns the current instance keys, which may be rotated while the ledger runs. */
  readonly keys: () => KeyRing;
  readonly logger: Logger;
  /** Starts kernels in the kernel process. */
  readonly invoker: KernelInvoker;
  /** Whether the kernels are booted. */
  readonly isReady: () => boolean;
  /** Called after each commit with the number of appends that shared it. */
  readonly onCommit: (batches: number) => void;
  readonly settings: Settings;
  /** Whether to update seeds and keys; false while `logline restore` has to run first. */
  readonly plants: boolean;
  /** Called with each request; see {@link Stage0.onRequest}. */
  readonly onRequest?: ((seen: SeenRequest) => void) | undefined;
  /** See {@link Stage0.newSpanId}. */
  readonly newSpanId?: (() => string) | undefined;
  readonly onProgress: (message: string) => void;
}

/** Opens the pool, appends the seeds and builds Stage-0. */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  await cryptoReady();
  const { logger, settings, keys } = options;
  const database = new Database({ ...options.database.as.app, poolSize: 16, ...settings.database });
  const bulk = openBulk(options.database, settings);
  const { tls } = settings.database;
  const reader =
    options.database.reader &&
    openReader({ ...options.database.reader.app, poolSize: 16, ...(tls === undefined ? {} : { tls }) });
  const { app, writer, tenantOf } = assembleStage0({
    database,
    bulk,
    reader,
    keys,
    logger,
    oidc: settings.oidc,
    corsOrigins: settings.corsOrigins,
    explorer: settings.explorer ? builtOnDemand() : undefined,
    isShared: true,
    maxWaitSeconds: settings.maxWaitSeconds,
    idempotencyDays: settings.idempotencyDays,
    origin: settings.origin,
    ...(options.onRequest === undefined ? {} : { onRequest: options.onRequest }),
    ...(options.newSpanId === undefined ? {} : { newSpanId: options.newSpanId }),
    health: { ticks: expectedTicks(), isReady: options.isReady },
    onCommit: options.onCommit,
    functions: (spanWriter) =>
      new KernelFunctionStarter({
        database,
        writer: spanWriter,
        guard: new BootGuard(database, keys),
        invoker: options.invoker,
      }),
  });
  const { onProgress } = options;
  if (options.plants) {
    await publishKeys({ database, writer, ring: keys(), onProgress });
    await seed({ database, writer, keys: keys(), onProgress });
  }
  return {
    database,
    writer,
    fetch: (request) => app.fetch(request),
    tenantOf,
    close: async () => {
      await Promise.all([reader?.close(), bulk?.close(), database.close()]);
    },
  };
}

/**
 * Connections whose server processes yield the processors, so that a single span does not wait for those that write
 * thousands. Undefined on a server of the user's own.
 */
function openBulk({ as, port }: LocalDatabase, settings: Settings): Database | undefined {
  if (port === undefined) return undefined;
  const bulk = new Database({ ...as.app, ...settings.database, poolSize: BULK_POOL_SIZE });
  bulk.pool.on('connect', (client) => void yieldProcessors(serverPid(client), BULK_NICENESS));
  return bulk;
}

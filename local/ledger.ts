import { cryptoReady } from '../runtime/crypto';
import { Database } from '../runtime/db/pool';
import { KernelFunctionStarter } from '../runtime/host/kernel-function-starter';
import { KernelHost } from '../runtime/host/kernel-host';
import { createOutgoingHttp } from '../runtime/host/outgoing-http';
import { localSecretStore } from '../runtime/host/secret-store';
import { publishKeys } from '../runtime/ledger/keys/key-publisher';
import type { KeyRing } from '../runtime/ledger/keys/key-ring';
import { seed } from '../runtime/ledger/seed';
import type { SpanWriter } from '../runtime/ledger/span-writer';
import type { Logger } from '../runtime/log/logger';
import { SandboxPool } from '../runtime/sandbox';
import type { Settings } from '../runtime/settings';
import { assembleStage0 } from '../runtime/stage0/assemble-stage0';
import type { LocalDatabase } from './local-database';

/** The running ledger: what answers requests, and what the ticker works with. */
export interface Ledger {
  readonly database: Database;
  readonly writer: SpanWriter;
  readonly host: KernelHost;
  readonly fetch: (request: Request) => Response | Promise<Response>;
  close(): Promise<void>;
}

export interface LedgerOptions {
  readonly database: LocalDatabase;
  /** The instance keys of this moment; they may be rotated while the ledger runs. */
  readonly keys: () => KeyRing;
  readonly logger: Logger;
  /** File with the API keys of providers; may be missing. */
  readonly providerKeysFile: string;
  readonly settings: Settings;
  readonly onProgress: (message: string) => void;
}

/** Opens the pool, plants the seeds, and builds Stage-0 and the kernels on it, all in this process. */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  await cryptoReady();
  const { logger, settings, keys } = options;
  const database = new Database({ ...options.database.as.app, poolSize: 16, ...settings.database });
  const sandbox = new SandboxPool({ onFault: (err) => logger.error({ err }, 'sandbox worker failed') });
  let host: KernelHost | undefined;
  const { app, writer } = assembleStage0({
    database,
    keys,
    logger,
    oidc: settings.oidc,
    corsOrigins: settings.corsOrigins,
    functions: (spanWriter) => {
      host = new KernelHost({
        database,
        writer: spanWriter,
        keys,
        sandbox,
        logger,
        fetch: createOutgoingHttp(),
        secrets: localSecretStore(options.providerKeysFile),
      });
      return new KernelFunctionStarter({ database, writer: spanWriter, guard: host.guard, invoker: host });
    },
  });
  if (host === undefined) throw new Error('Stage-0 was assembled without kernels');
  // The first run should not wait for a worker thread to start.
  void sandbox.warm();
  const { onProgress } = options;
  await publishKeys({ database, writer, ring: keys(), onProgress });
  await seed({ database, writer, keys: keys(), onProgress });
  return {
    database,
    writer,
    host,
    fetch: (request) => app.fetch(request),
    async close() {
      await sandbox.close();
      await database.close();
    },
  };
}

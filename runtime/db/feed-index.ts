import type { Pool } from 'pg';

/** The order of the feed over all tenants, which sealing follows. */
const NAME = 'universal_registry_feed_order';

/**
 * Builds the index that sealing follows, unless it is there. Outside any transaction and without a lock that writers
 * would wait for, so a large ledger goes on meanwhile; one that was interrupted is built anew.
 * @param pool as the owner of the schema
 */
export async function ensureFeedIndex(pool: Pool, onProgress?: (line: string) => void): Promise<void> {
  const { rows } = await pool.query<{ valid: boolean }>(
    `SELECT i.indisvalid AS valid FROM pg_index i WHERE i.indexrelid = to_regclass('ledger.${NAME}')`,
  );
  if (rows[0]?.valid === true) return;
  if (rows.length > 0) await pool.query(`DROP INDEX CONCURRENTLY ledger.${NAME}`);
  onProgress?.('building the index that the log of each tenant is sealed by');
  await pool.query(`CREATE INDEX CONCURRENTLY ${NAME} ON ledger.universal_registry (tx_id, ordinal)`);
}

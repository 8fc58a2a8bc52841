import type { Pool } from 'pg';

/**
 * The order of the feed over all tenants, which sealing follows. It is for statements that say `seq >= 0`, which is true
 * of every row: for all others PostgreSQL must not take it, because it would read the spans of all tenants for a page of one.
 */
const NAME = 'universal_registry_seal_order';
/** What it was called while it was for every statement. */
const FORMER_NAME = 'universal_registry_feed_order';

/**
 * Builds the index that sealing follows, unless it is there. Outside any transaction and without a lock that writers
 * would wait for, so a large ledger goes on meanwhile; one that was interrupted is built again.
 * @param pool as the owner of the schema
 */
export async function ensureFeedIndex(pool: Pool, onProgress?: (line: string) => void): Promise<void> {
  await pool.query(`DROP INDEX CONCURRENTLY IF EXISTS ledger.${FORMER_NAME}`);
  const { rows } = await pool.query<{ valid: boolean }>(
    `SELECT i.indisvalid AS valid FROM pg_index i WHERE i.indexrelid = to_regclass('ledger.${NAME}')`,
  );
  if (rows[0]?.valid === true) return;
  if (rows.length > 0) await pool.query(`DROP INDEX CONCURRENTLY ledger.${NAME}`);
  onProgress?.('building the index that the log of each tenant is sealed by');
  await pool.query(
    `CREATE INDEX CONCURRENTLY ${NAME} ON ledger.universal_registry (tx_id, ordinal) WHERE seq >= 0`,
  );
}

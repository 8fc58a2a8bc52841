import type { Pool } from 'pg';

/**
 * Index over the feed of all tenants, for sealing. Its predicate `seq >= 0` is true of every row, and only the sealer's
 * statements repeat it: for a tenant's page PostgreSQL must not use this index, which has the spans of all tenants.
 */
const NAME = 'universal_registry_seal_order';
/** Name of its predecessor without a predicate. */
const FORMER_NAME = 'universal_registry_feed_order';

/**
 * Builds the index that sealing needs, if it is missing or its build was interrupted. Concurrently, outside any
 * transaction, so that writers are not blocked.
 * @param pool connects as the owner of the schema
 */
export async function ensureFeedIndex(pool: Pool, onProgress?: (line: string) => void): Promise<void> {
  await pool.query(`DROP INDEX CONCURRENTLY IF EXISTS ledger.${FORMER_NAME}`);
  const { rows } = await pool.query<{ valid: boolean }>(
    `SELECT i.indisvalid AS valid FROM pg_index i WHERE i.indexrelid = to_regclass('ledger.${NAME}')`,
  );
  if (rows[0]?.valid === true) return;
  if (rows.length > 0) await pool.query(`DROP INDEX CONCURRENTLY ledger.${NAME}`);
  onProgress?.('building the index for sealing the logs');
  await pool.query(
    `CREATE INDEX CONCURRENTLY ${NAME} ON ledger.universal_registry (tx_id, ordinal) WHERE seq >= 0`,
  );
}

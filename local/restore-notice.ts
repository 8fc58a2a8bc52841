import { connectAdmin } from '../runtime/db/admin-client';
import type { DatabaseOptions } from '../runtime/db/database-options';
import { judge } from '../runtime/proofs/rollback-guard';
import { SealStore } from '../runtime/proofs/seal-store';
import type { DataDirectory } from './data-directory';
import { GuardFile, guardPath } from './guard-file';

/**
 * Detects, before anything is appended, a database that was restored by other means than `logline restore`, and records
 * it. Signs of it: the rollback guard is ahead of the database, or, after a dump, stored transaction ids lie in the
 * server's future.
 * @param sealer connection as role `logline_sealer`, which sees the order of all spans
 * @returns a message for the user; undefined when all is well
 */
export async function noticeRestore(
  data: DataDirectory,
  sealer: DatabaseOptions,
): Promise<string | undefined> {
  const client = await connectAdmin(sealer);
  try {
    const { rows } = await client.query<{ tx_id: string; ordinal: string; ahead: boolean }>(
      `SELECT tx_id::text, ordinal::text, tx_id >= pg_snapshot_xmax(pg_current_snapshot()) AS ahead
         FROM ledger.universal_registry ORDER BY tx_id DESC, ordinal DESC LIMIT 1`,
    );
    const [last] = rows;
    if (last === undefined) return undefined;
    const { record, epochs } = await new SealStore(client).cursor();
    const verdict = judge(record, await new GuardFile(guardPath(data.path)).read(), epochs);
    if (!last.ahead && verdict !== 'behind') {
      const { rows: noticed } = await client.query('SELECT FROM app.restore_needed');
      return noticed.length === 0 ? undefined : TOLD;
    }
    await client.query(
      `INSERT INTO app.restore_needed (is_ahead, survived_tx_id, survived_ordinal) VALUES ($1, $2, $3)
       ON CONFLICT DO NOTHING`,
      [last.ahead, last.tx_id, last.ordinal],
    );
    return TOLD;
  } finally {
    await client.end();
  }
}

const TOLD =
  'the database was restored by other means than logline restore: feed, policies and log are stopped until you stop LogLine and run npx logline restore';

import type { DatabaseOptions } from '../runtime/db/database-options';
import { Database } from '../runtime/db/pool';
import { refuseOtherKeys } from '../runtime/ledger/keys/key-guard';
import { readKeyHistory } from '../runtime/ledger/keys/key-publisher';
import type { KeyRing } from '../runtime/ledger/keys/key-ring';

/**
 * Checks that the ledger is signed by these keys before a start changes anything, such as the passwords of its roles.
 * @param admin connection as the owner of the schema, who can read public spans
 * @throws ConfigurationError when other keys signed it
 */
export async function checkLedgerKeys(admin: DatabaseOptions, ring: KeyRing): Promise<void> {
  const database = new Database({ ...admin, poolSize: 1 });
  try {
    const { rows } = await database.pool.query<{ found: string | null }>(
      "SELECT to_regclass('ledger.universal_registry')::text AS found",
    );
    if (rows[0]?.found != null) refuseOtherKeys(await readKeyHistory(database), ring);
  } finally {
    await database.close();
  }
}

import type { DatabaseOptions } from '../runtime/db/database-options';
import { Database } from '../runtime/db/pool';
import { refuseOtherKeys } from '../runtime/ledger/keys/key-guard';
import { readKeyHistory } from '../runtime/ledger/keys/key-publisher';
import type { KeyRing } from '../runtime/ledger/keys/key-ring';

/**
 * Looks, before anything is changed, whether a ledger is signed by these keys: the passwords of its roles would be
 * replaced by those of another folder, too.
 * @param admin as the owner of the schema, whom row-level security shows public spans
 * @throws ConfigurationError when it is signed by others
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

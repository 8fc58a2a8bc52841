import { NOBODY } from '../base/identity';
import type { Database } from '../db/pool';
import { queryAs } from '../db/query-as';

/** Most rows of each kind in one transaction. */
const BATCH = 2_000;
const MAX_BATCHES = 500;

export interface PruneOptions {
  /** As `logline_kernel`. */
  readonly kernelDatabase: Database;
  /** How long an Idempotency-Key is remembered. Defaults to 30. */
  readonly idempotencyDays?: number;
}

/**
 * Deletes expired work rows, a batch per transaction: Idempotency-Keys, revocations of tokens that have long expired,
 * emissions that their policy has passed (30 days), quota counts (90 days), midnight rounds (400 days).
 * @returns number of rows deleted
 */
export async function prune({ kernelDatabase, idempotencyDays = 30 }: PruneOptions): Promise<number> {
  let pruned = 0;
  for (let round = 0; round < MAX_BATCHES; round += 1) {
    const { rows } = await queryAs<{ pruned: string }>(
      kernelDatabase,
      NOBODY,
      { text: 'SELECT app.prune($1, $2) AS pruned', values: [idempotencyDays, BATCH] },
      'write',
    );
    const count = Number(rows[0]?.pruned ?? 0);
    pruned += count;
    if (count === 0) return pruned;
  }
  return pruned;
}

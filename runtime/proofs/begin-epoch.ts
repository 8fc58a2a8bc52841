import type { ClientBase } from 'pg';
import { type GuardRecord, isSameRecord } from './rollback-guard';
import { SealStore } from './seal-store';

/**
 * Begins a new feed epoch after the last surviving span, as the owner. Logs keep their names only if the rollback guard
 * proves that nothing signed was lost.
 * @returns the new record for the guard
 */
export async function beginEpoch(client: ClientBase, guard: GuardRecord | undefined): Promise<GuardRecord> {
  const { record } = await new SealStore(client).cursor();
  const { rows } = await client.query<{ epoch: string }>('SELECT app.begin_feed_epoch($1)::text AS epoch', [
    isSameRecord(record, guard),
  ]);
  return { ...record, epoch: rows[0]?.epoch ?? '' };
}

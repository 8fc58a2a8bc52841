import type { ClientBase } from 'pg';
import { type GuardRecord, isSameRecord } from './rollback-guard';
import { SealStore } from './seal-store';

/**
 * Begins a new feed epoch behind the last span that survived, as the owner. Logs keep their names only if the guard says
 * that nothing was signed beyond what is here: without it nobody can tell.
 * @returns what the guard is to hold from now on
 */
export async function beginEpoch(client: ClientBase, guard: GuardRecord | undefined): Promise<GuardRecord> {
  const { record } = await new SealStore(client).cursor();
  const { rows } = await client.query<{ epoch: string }>('SELECT app.begin_feed_epoch($1)::text AS epoch', [
    isSameRecord(record, guard),
  ]);
  return { ...record, epoch: rows[0]?.epoch ?? '' };
}

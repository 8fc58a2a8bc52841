import { SYSTEM } from '../base/identity';
import type { Database } from '../db/pool';
import { queryAs } from '../db/query-as';

/** What freezing a tenant waits for: runs that were claimed, or transactions that are still open. */
export const FREEZE_WAITS = ['runs', 'transactions'] as const;
export type FreezeWait = (typeof FREEZE_WAITS)[number];

export const FREEZE_STEP = 'SELECT app.freeze_tenant($1) AS waits_for';
export const THAW_STEP = 'SELECT app.thaw_tenant($1) AS was_frozen';

export interface FreezeRow {
  /** Null once the tenant is frozen, and all that was written before can be read. */
  readonly waits_for: FreezeWait | null;
}

export interface ThawRow {
  /** Null while the tenant's work was just imported: then it is still frozen. */
  readonly was_frozen: boolean | null;
}

/**
 * One step towards a tenant whose writes are refused and of which nothing runs. Called again until nothing is waited
 * for; what was reached stays.
 * @throws UnavailableError while writers hold the table
 */
export async function freezeStep(database: Database, tenant: string): Promise<FreezeWait | null> {
  const statement = { name: 'freeze_tenant', text: FREEZE_STEP, values: [tenant] };
  const { rows } = await queryAs<FreezeRow>(database, SYSTEM, statement);
  return rows[0]?.waits_for ?? null;
}

/** Opens a tenant again. @returns whether it was frozen; null when it has to be asked for again in a moment */
export async function thawStep(database: Database, tenant: string): Promise<boolean | null> {
  const statement = { name: 'thaw_tenant', text: THAW_STEP, values: [tenant] };
  const { rows } = await queryAs<ThawRow>(database, SYSTEM, statement);
  return rows[0]?.was_frozen ?? null;
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { OperatorError } from '../../local/operator-error';
import {
  FREEZE_STEP,
  type FreezeRow,
  type FreezeWait,
  THAW_STEP,
  type ThawRow,
} from '../../runtime/ledger/frozen-tenant';

/** One way to a ledger: each call is one step, and says what is waited for. */
export interface Freezer {
  /** Null once the tenant is frozen. */
  freezeStep(tenant: string): Promise<FreezeWait | null>;
  /** Whether the tenant was frozen; null when it has to be asked for again. */
  thawStep(tenant: string): Promise<boolean | null>;
  /** Between two steps. */
  readonly pollMs: number;
}

const WAITS: Readonly<Record<FreezeWait, string>> = {
  runs: 'requests of the tenant still run',
  transactions: 'an older transaction is still open',
};
/** As many steps get somewhere, however quiet the tenant is. */
const QUICK_STEPS = 3;
/** Time for kernels to notice the salt of an imported tenant; see `runtime/ledger/tenant-salts.ts`. */
const SALT_NOTICED_MS = 10_000;

/** The database itself, as the owner of the schema. */
export function databaseFreezer(client: Client): Freezer {
  return {
    pollMs: 100,
    async freezeStep(tenant) {
      const { rows } = await client.query<FreezeRow>(FREEZE_STEP, [tenant]);
      return rows[0]?.waits_for ?? null;
    },
    async thawStep(tenant) {
      const { rows } = await client.query<ThawRow>(THAW_STEP, [tenant]);
      return rows[0]?.was_frozen ?? null;
    },
  };
}

/**
 * Stops the writes of a tenant: claims stop, claimed work ends, then writes are refused. Reads go on.
 * @param waitSeconds time limit for claimed work and open transactions
 * @throws OperatorError when they do not end in time; the state is kept, so that a repeated call resumes
 */
export async function freezeTenant(freezer: Freezer, tenant: string, waitSeconds: number): Promise<void> {
  const untilMs = performance.now() + waitSeconds * 1000;
  for (let step = 1; ; step += 1) {
    const waitsFor = await freezer.freezeStep(tenant);
    if (waitsFor === null) return;
    if (step <= QUICK_STEPS) continue;
    if (performance.now() > untilMs) throw new OperatorError(`${WAITS[waitsFor]}; run freeze again, or thaw`);
    await delay(freezer.pollMs);
  }
}

/**
 * Allows the writes of a tenant again.
 * @returns false when it was not frozen
 */
export async function thawTenant(freezer: Freezer, tenant: string): Promise<boolean> {
  const untilMs = performance.now() + SALT_NOTICED_MS;
  for (;;) {
    const wasFrozen = await freezer.thawStep(tenant);
    if (wasFrozen !== null) return wasFrozen;
    if (performance.now() > untilMs) throw new OperatorError('its work was just imported; run thaw again');
    await delay(freezer.pollMs);
  }
}

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

/** What a step found: the outcome, or what has to be waited for, as a clause for the operator. */
export type Step<T> = { readonly outcome: T } | { readonly waitsFor: string };

/** One way to a ledger; each call is one step. */
export interface Freezer {
  freezeStep(tenant: string): Promise<Step<'frozen'>>;
  /** The outcome is whether the tenant was frozen. */
  thawStep(tenant: string): Promise<Step<boolean>>;
  /** Between two steps. */
  readonly pollMs: number;
}

const WAITS: Readonly<Record<FreezeWait, string>> = {
  runs: 'requests of the tenant still run',
  transactions: 'an older transaction is still open',
};
const JUST_IMPORTED = 'its work was just imported';
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
      return frozenOr(rows[0]?.waits_for ?? null);
    },
    async thawStep(tenant) {
      const { rows } = await client.query<ThawRow>(THAW_STEP, [tenant]);
      return thawedOr(rows[0]?.was_frozen ?? null);
    },
  };
}

/** A step of freezing by what the database says of it; null once the tenant is frozen. */
export function frozenOr(waitsFor: FreezeWait | null): Step<'frozen'> {
  return waitsFor === null ? { outcome: 'frozen' } : { waitsFor: WAITS[waitsFor] };
}

/** A step of thawing by what the database says of it: whether the tenant was frozen; null while it has to stay so. */
export function thawedOr(wasFrozen: boolean | null): Step<boolean> {
  return wasFrozen === null ? { waitsFor: JUST_IMPORTED } : { outcome: wasFrozen };
}

/**
 * Stops the writes of a tenant: claims stop, claimed work ends, then writes are refused. Reads go on.
 * @param waitSeconds time limit for claimed work and open transactions
 * @throws OperatorError when they do not end in time; the state is kept, so that a repeated call resumes
 */
export async function freezeTenant(freezer: Freezer, tenant: string, waitSeconds: number): Promise<void> {
  const untilMs = performance.now() + waitSeconds * 1000;
  for (let step = 1; ; step += 1) {
    const found = await freezer.freezeStep(tenant);
    if ('outcome' in found) return;
    if (step <= QUICK_STEPS) continue;
    if (performance.now() > untilMs) throw new OperatorError(`${found.waitsFor}; run freeze again, or thaw`);
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
    const found = await freezer.thawStep(tenant);
    if ('outcome' in found) return found.outcome;
    if (performance.now() > untilMs) throw new OperatorError(`${found.waitsFor}; run thaw again`);
    await delay(freezer.pollMs);
  }
}

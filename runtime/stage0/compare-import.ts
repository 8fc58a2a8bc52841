import { Reservation } from '../base/fair-shares';
import { TURN_BYTES } from '../base/fair-turns';
import { parseWith } from '../json/parse-with';
import { type HeldVersion, heldSpans } from '../ledger/span-import';
import { callerOf, json } from './answer';
import { requireOperator } from './authenticate';
import type { Handler } from './handlers';
import { readJsonBody } from './request-body';
import { validateCompareBody } from './validators.generated';

interface CompareBody {
  readonly tenant_id: string;
  readonly versions: readonly Omit<HeldVersion, 'tenant_id'>[];
}

const MAX_MISSING = 100;

/** `POST /api/import/compare`: which versions of one tenant the ledger holds with the same hash, each read as its owner. */
export const compareImport: Handler = async (stage0, { request, caller }) => {
  const { tenant } = callerOf(caller);
  requireOperator(callerOf(caller));
  const { bodies, turns } = stage0.fairness;
  const reservation = new Reservation(bodies, tenant);
  try {
    const body = await readJsonBody(request, reservation, () => turns.take(tenant, TURN_BYTES));
    const { tenant_id, versions } = parseWith<CompareBody>(validateCompareBody, body ?? {}, 'The body');
    const held = await heldSpans(
      stage0.database,
      versions.map((version) => ({ ...version, tenant_id })),
    );
    const missing = versions.filter((_version, index) => held[index] !== true);
    return json(200, {
      success: true,
      count: versions.length,
      held: versions.length - missing.length,
      missing: missing.slice(0, MAX_MISSING).map(({ id, seq }) => ({ id, seq })),
    });
  } finally {
    reservation.release();
  }
};

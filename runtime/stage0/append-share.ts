import { MalformedError } from '../base/errors';
import { Reservation } from '../base/fair-shares';
import type { Stage0 } from './stage0';

/** What one append holds of what all tenants share. */
export interface AppendShare {
  /** Bytes of its body. */
  readonly body: Reservation;
  /**
   * Takes the memory that its spans need while they are worked on, and a place among those that are, before the first of
   * them is parsed. Not earlier: whoever sends a body slowly would hold the place of others.
   * @throws ShareUsedUpError or UnavailableError, as `FairShares` does; MalformedError when the caller is gone.
   */
  admit(bytes: number): Promise<void>;
}

/**
 * Appends within the share of the caller's tenant, held until the answer is made: the spans of a body take up memory for
 * as long. Whoever hung up while waiting is not worked for: thousands of such would keep the others waiting long after
 * they are gone.
 * @throws ShareUsedUpError or UnavailableError, as `FairShares` does; MalformedError when the caller is gone.
 */
export async function withAppendShare<T>(
  { fairness }: Stage0,
  { tenant, request }: { readonly tenant: string; readonly request: Request },
  work: (share: AppendShare) => Promise<T>,
): Promise<T> {
  const releaseTurn = await fairness.appends.take(tenant, 1);
  const body = new Reservation(fairness.bodies, tenant);
  const memory = new Reservation(fairness.spans, tenant);
  let releaseWork: (() => void) | undefined;
  try {
    refuseGone(request);
    return await work({
      body,
      async admit(bytes) {
        await memory.atLeast(Math.min(bytes, fairness.spans.guaranteed));
        releaseWork = await fairness.work.take(tenant, 1);
        refuseGone(request);
      },
    });
  } finally {
    releaseWork?.();
    memory.release();
    body.release();
    releaseTurn();
  }
}

function refuseGone({ signal }: Request): void {
  if (signal.aborted) throw new MalformedError('The connection ended before its spans were looked at.');
}

import { MalformedError } from '../base/errors';
import { Reservation } from '../base/fair-shares';
import type { Stage0 } from './stage0';

/** The shared resources that one append holds. */
export interface AppendShare {
  /** Bytes of its body. */
  readonly body: Reservation;
  /**
   * Takes the memory that the spans need while they are processed, and a slot for processing, before the first span is
   * parsed. Not earlier, or slow senders would hold slots.
   * @throws ShareUsedUpError or UnavailableError, as `FairShares` does; MalformedError when the caller has gone
   */
  admit(bytes: number): Promise<void>;
}

/**
 * Runs an append within the share of the caller's tenant, held until the answer is made, since the spans use memory until
 * then. A request whose caller hung up while waiting is dropped, so that it does not delay others.
 * @throws ShareUsedUpError or UnavailableError, as `FairShares` does; MalformedError when the caller has gone
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

/** @throws MalformedError when the caller has hung up: nobody reads the answer, and a client may have sent another request. */
export function refuseGone({ signal }: Request): void {
  if (signal.aborted) throw new MalformedError('The connection ended before the request was carried out.');
}

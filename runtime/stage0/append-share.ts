import { MalformedError } from '../base/errors';
import { Reservation } from '../base/fair-shares';
import type { Stage0 } from './stage0';

/** The shared resources that one append holds. */
export interface AppendShare {
  /** Bytes of its body. */
  readonly body: Reservation;
  /**
   * Takes a slot for processing. To be called when the body has arrived, or slow senders would hold slots, and before
   * it is split into spans, whose texts take more memory than the body.
   * @throws ShareUsedUpError or UnavailableError, as `FairShares` does; MalformedError when the caller has gone
   */
  begin(): Promise<void>;
  /**
   * Takes the memory that the spans need while they are processed, before the first one is parsed.
   * @throws as {@link begin} does
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
      async begin() {
        releaseWork = await fairness.work.take(tenant, 1);
        refuseGone(request);
      },
      async admit(bytes) {
        await memory.atLeast(Math.min(bytes, fairness.spans.guaranteed));
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

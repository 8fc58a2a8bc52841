import type { Identity } from '../base/identity';
import type { Stage0 } from './stage0';

/**
 * Reads within the share of the caller's tenant; all callers without a token count as one tenant. Held until the answer is
 * serialised, since a page uses memory until then.
 * @throws ShareUsedUpError or UnavailableError, as `FairShares` does.
 */
export async function withReadShare<T>(
  { fairness }: Stage0,
  { tenant }: Identity,
  work: () => Promise<T>,
): Promise<T> {
  const release = await fairness.reads.take(tenant, 1);
  try {
    return await work();
  } finally {
    release();
  }
}

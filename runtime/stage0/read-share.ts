import type { Identity } from '../base/identity';
import type { Stage0 } from './stage0';

/** From here on a page is large: PostgreSQL and the thread that serves work on it for tens of milliseconds. */
const LARGE_PAGE_BYTES = 1024 * 1024;

/**
 * Reads within the share of the caller's tenant; all callers without a token count as one tenant. Held until the answer is
 * serialised, since a page uses memory until then. A tenant whose last
 * page was large takes two parts, so that half as many of its pages are read at a time.
 * @param bytesOf size of the page that was read. Defaults to none, for what is not a page and always small
 * @throws ShareUsedUpError or UnavailableError, as `FairShares` does.
 */
export async function withReadShare<T>(
  { fairness }: Pick<Stage0, 'fairness'>,
  { tenant }: Identity,
  work: () => Promise<T>,
  bytesOf?: (result: T) => number,
): Promise<T> {
  const { reads, lastPageBytes } = fairness;
  const isLarge = (lastPageBytes.get(tenant) ?? 0) >= LARGE_PAGE_BYTES;
  const release = await reads.take(tenant, isLarge ? Math.max(1, Math.min(2, reads.guaranteed)) : 1);
  try {
    const result = await work();
    if (bytesOf !== undefined) lastPageBytes.set(tenant, bytesOf(result));
    return result;
  } finally {
    release();
  }
}

/** Size of JSON texts, in characters: enough to tell a large page from a small one. */
export function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

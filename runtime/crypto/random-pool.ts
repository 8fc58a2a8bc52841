import { randomFillSync } from 'node:crypto';

/** Asking the system's random source costs 3 µs however few bytes are wanted, so they are fetched in stock. */
const POOL_BYTES = 8_192;

const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
let used = POOL_BYTES;

/**
 * Random bytes for identifiers that others will see. Not for secrets: the stock lies in memory until used.
 * @param count at most 1,024
 * @returns a view that holds until the next call; each byte is handed out once.
 */
export function pooledRandomBytes(count: number): Uint8Array {
  if (!Number.isInteger(count) || count < 0 || count > 1_024) {
    throw new RangeError('pooled random bytes: at most 1,024 at once');
  }
  if (used + count > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  used += count;
  return pool.subarray(used - count, used);
}

/** As {@link pooledRandomBytes}, in lower-case hex. */
export function pooledRandomHex(byteCount: number): string {
  const bytes = pooledRandomBytes(byteCount);
  return pool.toString('hex', used - bytes.length, used);
}

import { randomFillSync } from 'node:crypto';

/** A call to the system's random source costs the same for few bytes as for many, so they are fetched in bulk. */
const POOL_BYTES = 8_192;

const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
let used = POOL_BYTES;

/**
 * Random bytes for identifiers that are public. Not for secrets: the pool stays in memory until it is used up.
 * @param count 0 to 1,024
 * @returns a view of the pool, valid until the next call; each byte is handed out once
 * @throws RangeError for another count
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

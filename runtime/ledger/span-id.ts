import { v7 as uuidv7 } from 'uuid';
import { pooledRandomBytes } from '../crypto/random-pool';

let lastMs = 0;
let counter = 0;

/**
 * A new id: UUIDv7 (RFC 9562 section 5.7). Ids of one process ascend also within a millisecond (section 6.2,
 * method 1), so spans of one request are listed in its order and a batch lands side by side in every index.
 */
export function newSpanId(): string {
  const random = pooledRandomBytes(16);
  const nowMs = Date.now();
  if (nowMs > lastMs) {
    lastMs = nowMs;
    // The top bit stays free, so that a millisecond has room for two billion ids.
    counter = new DataView(random.buffer, random.byteOffset, 4).getUint32(0) >>> 1;
  } else {
    counter += 1;
  }
  return uuidv7({ msecs: lastMs, seq: counter, random });
}

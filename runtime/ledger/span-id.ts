import { v7 as uuidv7 } from 'uuid';
import { pooledRandomBytes } from '../crypto/random-pool';

let lastMs = 0;
let counter = 0;

/**
 * A new id: UUIDv7 (RFC 9562 section 5.7). Ids of one process also ascend within a millisecond (section 6.2, method 1),
 * so that spans of one request are listed in its order and a batch is adjacent in every index.
 */
export function newSpanId(): string {
  const random = pooledRandomBytes(16);
  const nowMs = Date.now();
  if (nowMs > lastMs) {
    lastMs = nowMs;
    // The top bit is 0, so that the counter has room for two billion ids in a millisecond.
    counter = new DataView(random.buffer, random.byteOffset, 4).getUint32(0) >>> 1;
  } else {
    counter += 1;
  }
  return uuidv7({ msecs: lastMs, seq: counter, random });
}

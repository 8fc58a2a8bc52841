import { v7 as uuidv7 } from 'uuid';
import { pooledRandomBytes } from '../crypto/random-pool';

/** A clock that differs by more was set back; by less, it was adjusted. */
const SET_BACK_MS = 60_000;

let lastMs = 0;
let counter = 0;

/**
 * A new id: UUIDv7 (RFC 9562 section 5.7). Ids of one process also ascend within a millisecond (section 6.2, method 1),
 * so that spans of one request are listed in its order and a batch is adjacent in every index. They go on ascending from an
 * earlier time when the clock was set back by more than a minute, rather than carry a wrong time until it is there again.
 */
export function newSpanId(): string {
  const random = pooledRandomBytes(16);
  const nowMs = Date.now();
  if (nowMs > lastMs || nowMs < lastMs - SET_BACK_MS) {
    lastMs = nowMs;
    // The top bit is 0, so that the counter has room for two billion ids in a millisecond.
    counter = new DataView(random.buffer, random.byteOffset, 4).getUint32(0) >>> 1;
  } else {
    counter += 1;
  }
  return uuidv7({ msecs: lastMs, seq: counter, random });
}

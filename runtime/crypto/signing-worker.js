// The thread behind signing-thread.ts. Plain JavaScript, which a thread starts from as it is: to strip types from its
// source Node would load its compiler into the thread, 15 MB for a dozen lines.

const { sign } = require('node:crypto');
const { parentPort } = require('node:worker_threads');

const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Takes a key and hashes, end to end; gives back their signatures, end to end, in the order of the messages. */
parentPort.on('message', ({ key, hashes }) => {
  const count = hashes.length / HASH_BYTES;
  const signatures = new Uint8Array(count * SIGNATURE_BYTES);
  for (let index = 0; index < count; index += 1) {
    const hash = hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
    signatures.set(sign(null, hash, key), index * SIGNATURE_BYTES);
  }
  parentPort.postMessage(signatures);
});

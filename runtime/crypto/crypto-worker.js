// The thread behind crypto-thread.ts. Plain JavaScript, which a thread starts from as it is: to strip types from its
// source Node would load its compiler into the thread, 15 MB for a dozen lines.

const { sign, verify } = require('node:crypto');
const { parentPort } = require('node:worker_threads');

const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;

/**
 * Signs or verifies concatenated hashes. With `key` it answers their concatenated signatures; with `signatures`, `keys`
 * and `keyOf` (an index into `keys` for each) one byte for each signature, 1 when it is good. Answers keep the order of
 * the messages.
 */
parentPort.on('message', ({ hashes, key, signatures, keys, keyOf }) => {
  parentPort.postMessage(
    signatures === undefined ? signed(hashes, key) : checked(hashes, signatures, keys, keyOf),
  );
});

function signed(hashes, key) {
  const count = hashes.length / HASH_BYTES;
  const signatures = new Uint8Array(count * SIGNATURE_BYTES);
  for (let index = 0; index < count; index += 1) {
    signatures.set(sign(null, part(hashes, index, HASH_BYTES), key), index * SIGNATURE_BYTES);
  }
  return signatures;
}

function checked(hashes, signatures, keys, keyOf) {
  const isGood = new Uint8Array(keyOf.length);
  for (let index = 0; index < keyOf.length; index += 1) {
    const hash = part(hashes, index, HASH_BYTES);
    const signature = part(signatures, index, SIGNATURE_BYTES);
    isGood[index] = verify(null, hash, keys[keyOf[index]], signature) ? 1 : 0;
  }
  return isGood;
}

function part(bytes, index, length) {
  return bytes.subarray(index * length, (index + 1) * length);
}

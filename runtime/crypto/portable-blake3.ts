/**
 * BLAKE3-256 (https://github.com/BLAKE3-team/BLAKE3-specs, section 2) without Node or a library, for pages that must
 * be small: noble's has keys, contexts and output of any length, and three times the bytes. Tested equal to noble's.
 */

const IV = Uint32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);
/** The permutation of a block's words between two rounds. */
const PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
const ROUNDS = 7;
/** The order of a block's words, 16 for each round. */
const SCHEDULE = scheduleOf(ROUNDS);

const BLOCK_BYTES = 64;
const CHUNK_BYTES = 1024;
const CHUNK_START = 1;
const CHUNK_END = 2;
const PARENT = 4;
const ROOT = 8;

/** The 32-byte BLAKE3 hash of some bytes. */
export function portableBlake3(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.max(1, Math.ceil(bytes.length / BLOCK_BYTES)) * BLOCK_BYTES);
  padded.set(bytes);
  const root = nodeOf(new DataView(padded.buffer), 0, bytes.length, ROOT);
  const hash = new DataView(new ArrayBuffer(32));
  for (const [index, word] of root.entries()) hash.setUint32(4 * index, word, true);
  return new Uint8Array(hash.buffer);
}

/**
 * The chaining value of the subtree over `length` bytes from `from`. The left child has the largest power of two of
 * chunks that leaves at least a byte for the right one.
 */
function nodeOf(input: DataView, from: number, length: number, rootFlag: number): Uint32Array {
  if (length <= CHUNK_BYTES) return chunkOf(input, from, length, rootFlag);
  let left = CHUNK_BYTES;
  while (left * 2 < length) left *= 2;
  const words = new Uint32Array(16);
  words.set(nodeOf(input, from, left, 0));
  words.set(nodeOf(input, from + left, length - left, 0), 8);
  return compress(IV, words, 0, BLOCK_BYTES, PARENT | rootFlag);
}

function chunkOf(input: DataView, from: number, length: number, rootFlag: number): Uint32Array {
  const words = new Uint32Array(16);
  let chain: Uint32Array = IV;
  let at = 0;
  do {
    for (let word = 0; word < 16; word += 1) words[word] = input.getUint32(from + at + 4 * word, true);
    const blockBytes = Math.min(BLOCK_BYTES, length - at);
    const isLast = at + blockBytes === length;
    const flags = (at === 0 ? CHUNK_START : 0) | (isLast ? CHUNK_END | rootFlag : 0);
    chain = compress(chain, words, Math.floor(from / CHUNK_BYTES), blockBytes, flags);
    at += BLOCK_BYTES;
  } while (at < length);
  return chain;
}

function compress(
  chain: Uint32Array,
  words: Uint32Array,
  chunk: number,
  blockBytes: number,
  flags: number,
): Uint32Array {
  const state = new Uint32Array(16);
  state.set(chain);
  state.set(IV.subarray(0, 4), 8);
  // Assigning to a Uint32Array keeps the lower 32 bits of the chunk counter.
  state.set([chunk, chunk / 2 ** 32, blockBytes, flags], 12);
  for (let at = 0; at < 16 * ROUNDS; at += 16) {
    for (let lane = 0; lane < 8; lane += 1) {
      // Columns first, then diagonals.
      const shift = lane < 4 ? 0 : 1;
      const word = at + 2 * lane;
      mix(
        state,
        lane & 3,
        4 + ((lane + shift) & 3),
        8 + ((lane + 2 * shift) & 3),
        12 + ((lane + 3 * shift) & 3),
        words[SCHEDULE[word] ?? 0] ?? 0,
        words[SCHEDULE[word + 1] ?? 0] ?? 0,
      );
    }
  }
  return state.slice(0, 8).map((word, index) => word ^ (state[index + 8] ?? 0));
}

function mix(
  state: Uint32Array,
  first: number,
  second: number,
  third: number,
  fourth: number,
  one: number,
  other: number,
): void {
  let [a, b, c, d] = [state[first] ?? 0, state[second] ?? 0, state[third] ?? 0, state[fourth] ?? 0];
  a = (a + b + one) | 0;
  d = rotate(d ^ a, 16);
  c = (c + d) | 0;
  b = rotate(b ^ c, 12);
  a = (a + b + other) | 0;
  d = rotate(d ^ a, 8);
  c = (c + d) | 0;
  b = rotate(b ^ c, 7);
  state[first] = a;
  state[second] = b;
  state[third] = c;
  state[fourth] = d;
}

function rotate(value: number, bits: number): number {
  return (value >>> bits) | (value << (32 - bits));
}

function scheduleOf(rounds: number): Uint8Array {
  const schedule = Uint8Array.from({ length: 16 * rounds }, (_, at) => at);
  for (let at = 16; at < schedule.length; at += 1)
    schedule[at] = schedule[at - 16 - (at % 16) + (PERMUTATION[at % 16] ?? 0)] ?? 0;
  return schedule;
}

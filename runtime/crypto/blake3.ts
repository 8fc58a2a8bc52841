import { createBLAKE3, type IHasher } from 'hash-wasm';
import { nobleBlake3 } from './noble-blake3';

// BLAKE3-256 (https://github.com/BLAKE3-team/BLAKE3-specs). The WebAssembly hasher is several times faster than noble;
// noble is the reference it is tested against, and serves until WebAssembly has loaded.

let hasher: IHasher | undefined;
let loading: Promise<void> | undefined;

/**
 * Loads the fast hasher; call it once at start-up. There is no need to wait for it: {@link blake3} returns the same
 * before and after. If WebAssembly is not available, noble stays in use.
 */
export function cryptoReady(): Promise<void> {
  loading ??= createBLAKE3().then(
    (loaded) => {
      hasher = loaded;
    },
    () => undefined,
  );
  return loading;
}

/** The 32-byte BLAKE3 hash of some bytes. @throws TypeError when they are no Uint8Array */
export function blake3(bytes: Uint8Array): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw new TypeError('blake3: expected a Uint8Array');
  // One shared hasher is safe, because init, update and digest run in one turn of the event loop.
  return hasher === undefined ? nobleBlake3(bytes) : hasher.init().update(bytes).digest('binary');
}

const encoder = new TextEncoder();

/** Buffer for texts of up to a third of its length; a new array per text would cost ten times as much. */
const scratch = new Uint8Array(192 * 1024);

/** {@link blake3} of the UTF-8 bytes of a text. */
export function blake3OfText(text: string): Uint8Array {
  // One UTF-16 code unit takes at most three bytes.
  if (text.length * 3 > scratch.length) return blake3(encoder.encode(text));
  return blake3(scratch.subarray(0, encoder.encodeInto(text, scratch).written));
}

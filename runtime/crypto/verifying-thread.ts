import type { KeyObject } from 'node:crypto';
import { CryptoThread, joined } from './crypto-thread';
import { ed25519, SIGNATURE_BYTES, verifyingKey } from './ed25519';
import { hex } from './hex';

const HASH_BYTES = 32;

/** A signature over a hash, with its alleged public key. */
export interface GivenSignature {
  /** 32 bytes. */
  readonly hash: Uint8Array;
  readonly signature: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** Verifies batches on a worker thread, separate from the signing one, since 500 signatures take 25 to 50 ms. */
export class VerifyingThread {
  readonly #thread: CryptoThread;

  /** @param file the thread's program; defaults to that of {@link CryptoThread} */
  constructor(file?: string) {
    this.#thread = new CryptoThread(file);
  }

  /**
   * Whether each signature is valid, in order. Decides exactly as `ed25519.verify` does.
   * @throws TypeError for a hash that is not 32 bytes.
   */
  async verify(given: readonly GivenSignature[]): Promise<readonly boolean[]> {
    const keys: KeyObject[] = [];
    const numbers = new Map<string, number>();
    const keyOf: number[] = [];
    const toCheck: GivenSignature[] = [];
    const places: number[] = [];
    for (const [place, one] of given.entries()) {
      // Refused by its encoding.
      const key = verifyingKey(one.signature, one.publicKey);
      if (key === undefined) continue;
      const name = hex(one.publicKey);
      const number = numbers.get(name) ?? keys.push(key) - 1;
      numbers.set(name, number);
      keyOf.push(number);
      toCheck.push(one);
      places.push(place);
    }
    const isGood = given.map(() => false);
    if (toCheck.length === 0) return isGood;
    const found = await this.#thread.run(messageOf(toCheck, keys, keyOf), () =>
      Uint8Array.from(toCheck, ({ hash, signature, publicKey }) =>
        ed25519.verify(signature, hash, publicKey) ? 1 : 0,
      ),
    );
    for (const [index, place] of places.entries()) isGood[place] = found[index] === 1;
    return isGood;
  }
}

function messageOf(given: readonly GivenSignature[], keys: readonly KeyObject[], keyOf: readonly number[]) {
  return {
    hashes: joined(
      given.map(({ hash }) => hash),
      HASH_BYTES,
    ),
    signatures: joined(
      given.map(({ signature }) => signature),
      SIGNATURE_BYTES,
    ),
    keys,
    keyOf: Uint32Array.from(keyOf),
  };
}

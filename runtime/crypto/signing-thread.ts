import { type KeyObject, sign } from 'node:crypto';
import { CryptoThread, joined, parted } from './crypto-thread';

const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;

/**
 * Signs the hashes of a batch on a worker thread. Not for single spans: gathering those into messages was slower
 * (bench/README.md).
 */
export class SigningThread {
  readonly #thread: CryptoThread;

  /** @param file the thread's program; defaults to that of {@link CryptoThread} */
  constructor(file?: string) {
    this.#thread = new CryptoThread(file);
  }

  /**
   * The 64-byte Ed25519 signature of each hash, in order.
   * @param hashes 32 bytes each.
   * @throws TypeError for a hash of another length.
   */
  async sign(key: KeyObject, hashes: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    const signatures = await this.#thread.run({ key, hashes: joined(hashes, HASH_BYTES) }, () =>
      joined(
        hashes.map((hash) => sign(null, hash, key)),
        SIGNATURE_BYTES,
      ),
    );
    return parted(signatures, SIGNATURE_BYTES);
  }
}

import { type SigningKey, signingKeyFromHex } from '../crypto';

/**
 * The instance keys. One signs; the others are kept so that what they signed stays trusted, and the cursors
 * and tokens made under them stay good (keys are looked up by public key, never assumed).
 */
export class KeyRing {
  readonly #keys: readonly SigningKey[];
  readonly #retired: ReadonlySet<string>;

  /**
   * @param keys the signing key first, then earlier ones whose secret is still at hand
   * @param retired public keys (hex) of earlier keys whose secret is gone
   */
  constructor(keys: readonly [SigningKey, ...SigningKey[]], retired: readonly string[] = []) {
    this.#keys = keys;
    this.#retired = new Set([...keys.map((key) => key.publicKeyHex), ...retired]);
  }

  /** @throws TypeError when a seed is not 64 hex digits. */
  static fromSeeds(
    [current, ...earlier]: readonly [string, ...string[]],
    retired: readonly string[] = [],
  ): KeyRing {
    return new KeyRing([signingKeyFromHex(current), ...earlier.map(signingKeyFromHex)], retired);
  }

  /** The key that signs now. */
  get current(): SigningKey {
    const [key] = this.#keys;
    if (key === undefined) throw new TypeError('a key ring holds at least one key');
    return key;
  }

  /** Keys whose secret is at hand, the current one first. */
  get keys(): readonly SigningKey[] {
    return this.#keys;
  }

  /** Public keys (hex) whose signatures count as the instance's. */
  get trusted(): ReadonlySet<string> {
    return this.#retired;
  }
}

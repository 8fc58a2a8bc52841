import { type SigningKey, signingKeyFromHex } from '../../crypto';

/** A key that no longer counts, and what is known about why. */
export interface RevokedKey {
  readonly publicKeyHex: string;
  /** From this moment (RFC 3339, UTC) on, what it signed is in doubt. Defaults to when the ledger was told. */
  readonly from?: string | undefined;
  /** In the words of the operator. */
  readonly reason?: string | undefined;
}

/** What a ring knows beside its keys. */
export interface KeyRingOptions {
  /** The key that a rotation under way will sign with: trusted already, so that no process is ahead of another. */
  readonly next?: SigningKey | undefined;
  /** Public keys (hex) of earlier keys whose secret is gone. */
  readonly retired?: readonly string[];
  /** Keys that were withdrawn. Those among the earlier keys lose everything but their cursors. */
  readonly revoked?: readonly RevokedKey[];
}

/**
 * The instance keys. One signs; the others are kept so that what they signed stays trusted, and the cursors
 * and tokens made under them stay good (keys are looked up by public key, never assumed).
 */
export class KeyRing {
  /** The key that signs now. */
  readonly current: SigningKey;
  /** The key that will sign when the rotation under way is done. */
  readonly next: SigningKey | undefined;
  /** Keys before the current one whose secret is at hand, newest first; revoked ones too. */
  readonly earlier: readonly SigningKey[];
  readonly revoked: readonly RevokedKey[];
  /** Public keys (hex) whose signatures count as the instance's. */
  readonly trusted: ReadonlySet<string>;
  /** Whose tokens count, the current one first: the secret is at hand, and the key is not revoked. */
  readonly keys: readonly SigningKey[];
  /**
   * Whose cursors count, the current one first. Revoked keys too: a subscriber may keep a cursor for ever, and
   * a forged one shows nothing that row-level security would hide.
   */
  readonly cursorKeys: readonly SigningKey[];
  readonly #retired: readonly string[];

  /**
   * @param keys the signing key first, then earlier ones whose secret is still at hand, newest first
   * @throws TypeError when the signing key is revoked.
   */
  constructor([current, ...earlier]: readonly [SigningKey, ...SigningKey[]], options: KeyRingOptions = {}) {
    const { next, retired = [], revoked = [] } = options;
    const isGood = (publicKeyHex: string) => !revoked.some((gone) => gone.publicKeyHex === publicKeyHex);
    if (!isGood(current.publicKeyHex)) throw new TypeError('the signing key is revoked');
    const all = [current, ...(next === undefined ? [] : [next]), ...earlier];
    this.current = current;
    this.next = next;
    this.earlier = earlier;
    this.revoked = revoked;
    this.cursorKeys = all;
    this.keys = all.filter((key) => isGood(key.publicKeyHex));
    this.trusted = new Set([...all.map((key) => key.publicKeyHex), ...retired].filter(isGood));
    this.#retired = retired;
  }

  /** @throws TypeError when a seed is not 64 hex digits, or the first one is revoked. */
  static fromSeeds(
    [current, ...earlier]: readonly [string, ...string[]],
    { nextSeed, ...options }: Omit<KeyRingOptions, 'next'> & { readonly nextSeed?: string | undefined } = {},
  ): KeyRing {
    const next = nextSeed === undefined ? undefined : signingKeyFromHex(nextSeed);
    return new KeyRing([signingKeyFromHex(current), ...earlier.map(signingKeyFromHex)], { ...options, next });
  }

  /** Every key whose secret is at hand, in the order in which they came. */
  get chronological(): readonly SigningKey[] {
    return [...this.earlier].reverse().concat(this.current, this.next ?? []);
  }

  /** This ring with a rotation under way: `key` is trusted and does not sign yet. */
  withNext(key: SigningKey): KeyRing {
    return new KeyRing([this.current, ...this.earlier], { ...this.#options(), next: key });
  }

  /**
   * This ring with the rotation done: the next key signs, the one before is kept.
   * @throws TypeError when no rotation is under way.
   */
  promoted(): KeyRing {
    if (this.next === undefined) throw new TypeError('no rotation is under way');
    return new KeyRing([this.next, this.current, ...this.earlier], this.#options());
  }

  /** @throws TypeError when it is the key that signs. */
  withRevoked(key: RevokedKey): KeyRing {
    const revoked = this.revoked.filter(({ publicKeyHex }) => publicKeyHex !== key.publicKeyHex);
    return new KeyRing([this.current, ...this.earlier], {
      ...this.#options(),
      next: this.next,
      revoked: [...revoked, key],
    });
  }

  #options(): KeyRingOptions {
    return { retired: this.#retired, revoked: this.revoked };
  }
}

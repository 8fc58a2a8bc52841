import { type SigningKey, signingKeyFromHex } from '../../crypto';

/** A revoked key. */
export interface RevokedKey {
  readonly publicKeyHex: string;
  /** Signatures made from this time (RFC 3339, UTC) on are in doubt. Defaults to when the revocation is recorded. */
  readonly from?: string | undefined;
  /** Given by the operator. */
  readonly reason?: string | undefined;
}

/** Further keys of a {@link KeyRing}. */
export interface KeyRingOptions {
  /** The next signing key during a rotation: trusted before any process signs with it. Defaults to none. */
  readonly next?: SigningKey | undefined;
  /** Public keys (hex) of earlier keys whose secret is gone. Defaults to none. */
  readonly retired?: readonly string[];
  /** Revoked keys. Of an earlier key that is revoked only the cursors stay valid. Defaults to none. */
  readonly revoked?: readonly RevokedKey[];
}

/**
 * The instance's keys. One signs; the others are kept so that their signatures stay trusted, and cursors and tokens
 * made with them stay valid.
 */
export class KeyRing {
  /** The key that signs now. */
  readonly current: SigningKey;
  /** The key that will sign after the current rotation. */
  readonly next: SigningKey | undefined;
  /** Earlier keys whose secret is available, newest first, including revoked ones. */
  readonly earlier: readonly SigningKey[];
  readonly revoked: readonly RevokedKey[];
  /** Public keys (hex) whose signatures are trusted as the instance's. */
  readonly trusted: ReadonlySet<string>;
  /** Keys whose tokens are accepted, the current one first: those with a secret that are not revoked. */
  readonly keys: readonly SigningKey[];
  /**
   * Keys whose cursors are accepted, the current one first. Includes revoked keys: subscribers keep cursors
   * indefinitely, and a forged one shows nothing that row-level security hides.
   */
  readonly cursorKeys: readonly SigningKey[];
  readonly #retired: readonly string[];

  /**
   * @param keys the signing key first, then earlier ones whose secret is available, newest first
   * @throws TypeError when the signing key is revoked
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

  /** A ring of keys given as hex seeds. @throws TypeError when a seed is not 64 hex digits or the first is revoked */
  static fromSeeds(
    [current, ...earlier]: readonly [string, ...string[]],
    { nextSeed, ...options }: Omit<KeyRingOptions, 'next'> & { readonly nextSeed?: string | undefined } = {},
  ): KeyRing {
    const next = nextSeed === undefined ? undefined : signingKeyFromHex(nextSeed);
    return new KeyRing([signingKeyFromHex(current), ...earlier.map(signingKeyFromHex)], { ...options, next });
  }

  /** Every key whose secret is available, oldest first. */
  get chronological(): readonly SigningKey[] {
    return [...this.earlier].reverse().concat(this.current, this.next ?? []);
  }

  /** This ring with a rotation started: `key` is trusted but does not sign yet. */
  withNext(key: SigningKey): KeyRing {
    return new KeyRing([this.current, ...this.earlier], { ...this.#options(), next: key });
  }

  /**
   * This ring with the rotation finished: the next key signs, the previous one becomes an earlier key.
   * @throws TypeError when no rotation was started
   */
  promoted(): KeyRing {
    if (this.next === undefined) throw new TypeError('no rotation is under way');
    return new KeyRing([this.next, this.current, ...this.earlier], this.#options());
  }

  /** This ring with a key revoked. @throws TypeError when it is the signing key */
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

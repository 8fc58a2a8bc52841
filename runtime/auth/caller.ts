import type { Scope } from './scope';

/** The caller of a request, as its verified token says. `user` means something only within `tenant`. */
export interface Caller {
  readonly user: string;
  readonly tenant: string;
  readonly scopes: ReadonlySet<Scope>;
  /** The `jti`, which a `token_revocation` span names; undefined for an OIDC token without one. */
  readonly tokenId: string | undefined;
  readonly expiresAt: Date;
  /** False for a token of an OpenID Connect issuer. */
  readonly isMintedHere: boolean;
}

import type { Scope } from './scope';

/** Who makes a request, as a verified token says. `user` means something only within `tenant`. */
export interface Caller {
  readonly user: string;
  readonly tenant: string;
  readonly scopes: ReadonlySet<Scope>;
  /** The `jti`: what a `token_revocation` span names. Undefined of an OIDC token without one, which none can name. */
  readonly tokenId: string | undefined;
  readonly expiresAt: Date;
  /** False for a token of an OpenID Connect issuer. */
  readonly isMintedHere: boolean;
}

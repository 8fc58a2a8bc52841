/** Who is calling: tokens, scopes and OpenID Connect issuers. */

export type { Caller } from './caller';
export type { OidcIssuer } from './oidc-issuer';
export { isScope, SCOPES, type Scope, scopesIn } from './scope';
export { keyIdOf, mintToken, type TokenClaims } from './token';
export { deriveSeed, TOKEN_KEY_LABEL, tokenKeyOf } from './token-key';
export { TokenVerifier, type TokenVerifierOptions } from './token-verifier';

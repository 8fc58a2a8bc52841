/** Hashes, signatures, keys and tokens: everything the rest of LogLine may use of cryptography. */

export type { Caller } from '../auth/caller';
export { isName, MAX_NAME_LENGTH } from '../auth/caller';
export type { OidcIssuer } from '../auth/oidc-issuer';
export { isScope, SCOPES, type Scope, scopesIn } from '../auth/scope';
export { keyIdOf, mintToken, type TokenClaims } from '../auth/token';
export { deriveSeed, TOKEN_KEY_LABEL, tokenKeyOf } from '../auth/token-key';
export { TokenVerifier, type TokenVerifierOptions } from '../auth/token-verifier';
export { LruCache } from '../base/lru-cache';
export { canonicalText, isCanonicalizable, MAX_JSON_DEPTH } from '../json/canonical-json';
export { blake3, blake3OfText, cryptoReady, nobleBlake3 } from './blake3';
export { type Ed25519, ed25519, nobleEd25519, verifyAside } from './ed25519';
export { hex, hexPattern, toU8, utf8 } from './hex';
export { generateSigningKey, SigningKey, signingKeyFromHex } from './signing-key';

/** Hashes, signatures, keys and tokens: everything the rest of LogLine may use of cryptography. */

export { blake3, blake3OfText, cryptoReady, nobleBlake3 } from './blake3';
export type { Caller } from './caller';
export { isName, MAX_NAME_LENGTH } from './caller';
export { canonicalText, isCanonicalizable, MAX_JSON_DEPTH } from './canonical-json';
export { type Ed25519, ed25519, nobleEd25519, verifyAside } from './ed25519';
export { hex, hexPattern, toU8, utf8 } from './hex';
export { LruCache } from './lru-cache';
export type { OidcIssuer } from './oidc-issuer';
export { isScope, SCOPES, type Scope, scopesIn } from './scope';
export { generateSigningKey, SigningKey, signingKeyFromHex } from './signing-key';
export { keyIdOf, mintToken, type TokenClaims } from './token';
export { deriveSeed, TOKEN_KEY_LABEL, tokenKeyOf } from './token-key';
export { TokenVerifier, type TokenVerifierOptions } from './token-verifier';

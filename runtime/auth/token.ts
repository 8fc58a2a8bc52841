import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { LOG_USER } from '../base/identity';
import { isName } from '../base/name';
import type { SigningKey } from '../crypto/signing-key';
import { isScope, SCOPES, type Scope } from './scope';
import { tokenKeyOf } from './token-key';

/** Claims of a new token. */
export interface TokenClaims {
  /** The user. */
  readonly sub: string;
  readonly tenant: string;
  /** One or more scopes, as a list or a space-separated text. */
  readonly scope: readonly Scope[] | string;
  /** Lifetime from now: a positive whole number of seconds, at most 366 days. */
  readonly ttlSeconds: number;
  /** The `jti`. Defaults to a random UUID. */
  readonly jti?: string;
}

/**
 * The `kid` by which a token names its key: the first 16 hex digits of the token public key. It only selects
 * among trusted keys; a wrong one makes the signature check fail.
 */
export function keyIdOf(tokenPublicKeyHex: string): string {
  return tokenPublicKeyHex.slice(0, 16);
}

/** Shorter than the 400 days for which revocations are kept. */
const MAX_TTL_SECONDS = 366 * 24 * 3600;

/**
 * Mints an API token: a JWT (RFC 7519) signed with EdDSA (RFC 8037) by the key derived from `instanceKey`.
 * @throws TypeError when a claim is not one that TokenVerifier would accept.
 */
export async function mintToken(instanceKey: SigningKey, claims: TokenClaims): Promise<string> {
  const key = tokenKeyOf(instanceKey);
  const jti = claims.jti ?? randomUUID();
  for (const [claim, value] of Object.entries({ sub: claims.sub, tenant: claims.tenant, jti })) {
    if (!isName(value)) throw new TypeError(`token: ${claim} must be 1 to 255 characters without controls`);
  }
  if (claims.ttlSeconds > MAX_TTL_SECONDS) {
    throw new TypeError(`token: a token lives 366 days at most, got ${claims.ttlSeconds} s`);
  }
  if (claims.sub === LOG_USER) throw new TypeError(`token: the name ${LOG_USER} is kept for the log itself`);
  if (!Number.isSafeInteger(claims.ttlSeconds) || claims.ttlSeconds <= 0) {
    throw new TypeError(`token: ttlSeconds must be a positive whole number, got ${claims.ttlSeconds}`);
  }
  const issuedAtSeconds = Math.floor(Date.now() / 1000);
  return new SignJWT({ tenant: claims.tenant, scope: scopeText(claims.scope) })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT', kid: keyIdOf(key.publicKeyHex) })
    .setSubject(claims.sub)
    .setJti(jti)
    .setIssuedAt(issuedAtSeconds)
    .setExpirationTime(issuedAtSeconds + claims.ttlSeconds)
    .sign(key.keyObject());
}

function scopeText(scope: readonly string[] | string): string {
  const words = (typeof scope === 'string' ? scope.split(' ') : [...scope]).filter((word) => word !== '');
  // A verifier ignores unknown scopes, but when minting one is a typo.
  const unknown = words.filter((word) => !isScope(word));
  if (words.length === 0 || unknown.length > 0) {
    throw new TypeError(`token: scope must name some of "${SCOPES.join(' ')}", got "${words.join(' ')}"`);
  }
  return [...new Set(words)].join(' ');
}

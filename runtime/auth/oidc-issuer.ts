import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose';
import { UnavailableError } from '../base/errors';

/** An OpenID Connect issuer whose tokens are accepted in addition to the instance's own. */
export interface OidcIssuer {
  /** Exactly the `iss` of its tokens, for example `https://login.example.com/`. */
  readonly issuer: string;
  /** What `aud` must contain. */
  readonly audience: string;
  /** The claim that holds the user. Defaults to `sub`. */
  readonly userClaim?: string;
  /** The claim that holds the tenant. Defaults to `tenant`. */
  readonly tenantClaim?: string;
  /** The claim that holds the scopes, as a space-separated text or a list. Defaults to `scope`. */
  readonly scopeClaim?: string;
  /**
   * The claim that names the token for revocation; a token without it is accepted but cannot be revoked. Defaults to
   * `jti`.
   */
  readonly tokenIdClaim?: string;
  /**
   * The operator's tenant, `system`, when the issuer's tokens may speak for it; every other token of that tenant is
   * refused. Defaults to none.
   */
  readonly operatorTenant?: 'system';
  /** The explorer's OAuth 2.0 client id (PKCE, no secret). Without one the explorer offers no sign-in. */
  readonly clientId?: string;
  /** Scopes that the explorer asks for, separated by spaces. Defaults to `openid`. */
  readonly scopes?: string;
  /** URL of its JWK set. Defaults to the `jwks_uri` of its `/.well-known/openid-configuration`. */
  readonly jwksUrl?: string;
}

/** Public-key algorithms only: never HS* or `none`. `Ed25519` is RFC 9864's name for `EdDSA` with that curve. */
export const OIDC_ALGORITHMS: (
  | 'Ed25519'
  | 'EdDSA'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'RS256'
  | 'RS384'
  | 'RS512'
)[] = ['Ed25519', 'EdDSA', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'];

const DISCOVERY_TIMEOUT_MS = 5_000;

/**
 * Looks up an issuer's keys: loads the key set at first use, then caches it as `jose` does (10 minutes; at most one
 * reload in 30 s for an unknown key). Failures are not cached.
 */
export function oidcKeys(issuer: OidcIssuer): JWTVerifyGetKey {
  let keySet: Promise<JWTVerifyGetKey> | undefined;
  let usedAtMs = 0;
  return async (header, token) => {
    // For jose, what it loaded before the clock was set back would be fresh until the clock is there again.
    if (usedAtMs > Date.now()) keySet = undefined;
    usedAtMs = Date.now();
    keySet ??= findKeySet(issuer).catch((cause: unknown) => {
      keySet = undefined;
      throw issuerUnavailable(cause);
    });
    return (await keySet)(header, token);
  };
}

/** 503: the issuer's keys cannot be loaded now, which says nothing about the token. */
export function issuerUnavailable(cause: unknown): UnavailableError {
  return new UnavailableError('the token issuer cannot be reached to check this token', { cause });
}

async function findKeySet(issuer: OidcIssuer): Promise<JWTVerifyGetKey> {
  if (issuer.jwksUrl !== undefined) return createRemoteJWKSet(new URL(issuer.jwksUrl));
  const { jwks_uri: keys } = await discover(issuer);
  if (typeof keys !== 'string') throw new Error(`${issuer.issuer} names no jwks_uri`);
  return createRemoteJWKSet(new URL(keys));
}

/** An issuer's discovery document. @throws Error when it cannot be fetched in 5 s or names another issuer */
export async function discover(issuer: OidcIssuer): Promise<Readonly<Record<string, unknown>>> {
  // OpenID Connect Discovery 1.0 section 4: a slash at the end of the issuer is dropped first.
  const url = `${issuer.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const document: unknown = await response.json();
  if (typeof document !== 'object' || document === null) throw new Error(`${url}: not an object`);
  const metadata = document as Readonly<Record<string, unknown>>;
  if (metadata.issuer !== issuer.issuer) throw new Error(`${url} describes another issuer`);
  return metadata;
}

import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { isYounger } from '../base/age';
import { UnauthorizedError, UnavailableError } from '../base/errors';
import { LOG_USER, SYSTEM } from '../base/identity';
import { LruCache } from '../base/lru-cache';
import { isName } from '../base/name';
import { publicKeyObject } from '../crypto/ed25519';
import { hexPattern, toU8 } from '../crypto/hex';
import type { SigningKey } from '../crypto/signing-key';
import type { Caller } from './caller';
import { issuerUnavailable, OIDC_ALGORITHMS, type OidcIssuer, oidcKeys } from './oidc-issuer';
import { scopesIn } from './scope';
import { keyIdOf } from './token';
import { tokenKeyOf } from './token-key';

/** What a {@link TokenVerifier} trusts. */
export interface TokenVerifierOptions {
  /**
   * The instance keys whose tokens are accepted, in any order. A retired key may be given as the hex of its *token*
   * public key (`tokenKeyOf(key).publicKeyHex`), so that its secret need not be kept.
   */
  readonly trustedKeys: readonly (SigningKey | string)[];
  /**
   * Whether a token was revoked; called on every use, so it should cache its answers. Its errors reach the caller of
   * `verify`. Defaults to never revoked.
   */
  readonly isRevoked?: (caller: Caller) => Promise<boolean>;
  /** An OpenID Connect issuer to accept too. Defaults to none. */
  readonly oidc?: OidcIssuer | undefined;
  /** The clock. Defaults to the system's. */
  readonly now?: () => Date;
}

/** Tokens carry a handful of claims; a longer text is not worth decoding. */
const MAX_TOKEN_LENGTH = 8_192;
/** How many verified tokens are remembered. */
const REMEMBERED_TOKENS = 2_048;
/** How long a verified token is accepted without checking its signature again. */
const REMEMBERED_MS = 60_000;

/** Tolerated clock difference to a foreign issuer. */
const FOREIGN_LEEWAY_S = 30;

/** How tokens of one issuer are verified, and which claims hold what. */
interface TokenKind {
  readonly algorithms: string[];
  readonly key: JWTVerifyGetKey;
  readonly issuer?: string;
  readonly audience?: string;
  readonly userClaim: string;
  readonly tenantClaim: string;
  readonly scopeClaim: string;
  readonly tokenIdClaim: string;
  /** Whether a token without that claim is refused. */
  readonly needsTokenId: boolean;
  readonly leewayS: number;
  /** Whether a token may name the operator's tenant. */
  readonly mayBeOperator: boolean;
  readonly isMintedHere: boolean;
}

interface Remembered {
  readonly caller: Caller;
  readonly atMs: number;
}

/**
 * Verifies bearer tokens. The instance's own tokens need `alg: EdDSA`, a trusted `kid`, and non-empty `sub`, `tenant`,
 * `scope`, `exp` and `jti`, without leeway. Tokens of an OIDC issuer need no `jti`, and its clock may differ by 30 s.
 */
export class TokenVerifier {
  readonly #own: ReadonlyMap<string, TokenKind>;
  readonly #oidc: TokenKind | undefined;
  readonly #isRevoked: (caller: Caller) => Promise<boolean>;
  readonly #now: () => Date;
  // An EdDSA check through WebCrypto costs more than the rest of a request, and clients repeat their token.
  readonly #remembered = new LruCache<Remembered>(REMEMBERED_TOKENS);

  /** @throws TypeError when no key is trusted or a public key is not 64 lower-case hex digits. */
  constructor(options: TokenVerifierOptions) {
    if (options.trustedKeys.length === 0) throw new TypeError('token verifier: no trusted key');
    this.#own = new Map(
      options.trustedKeys.map((trusted) => {
        const publicKeyHex = typeof trusted === 'string' ? trusted : tokenKeyOf(trusted).publicKeyHex;
        return [keyIdOf(publicKeyHex), ownKind(publicKeyHex)];
      }),
    );
    this.#oidc = options.oidc === undefined ? undefined : oidcKind(options.oidc);
    this.#isRevoked = options.isRevoked ?? (async () => false);
    this.#now = options.now ?? (() => new Date());
  }

  /**
   * The caller that a token stands for.
   * @throws UnauthorizedError when it is malformed, forged, expired, incomplete, revoked, or of a key or issuer that is
   *   not trusted.
   * @throws UnavailableError when the keys of the OIDC issuer cannot be loaded.
   */
  async verify(token: string): Promise<Caller> {
    const caller = this.#recall(token) ?? (await this.#check(token));
    if (await this.#isRevoked(caller)) throw new UnauthorizedError('the token was revoked');
    return caller;
  }

  /** The tenant of a token that was verified before, be it long ago; undefined for any other. Costs next to nothing. */
  tenantOf(token: string): string | undefined {
    return this.#remembered.get(token)?.caller.tenant;
  }

  #recall(token: string): Caller | undefined {
    const remembered = this.#remembered.get(token);
    if (remembered === undefined) return undefined;
    const { caller, atMs } = remembered;
    const nowMs = this.#now().getTime();
    return isYounger(atMs, REMEMBERED_MS, nowMs) && nowMs < caller.expiresAt.getTime() ? caller : undefined;
  }

  async #check(token: string): Promise<Caller> {
    if (typeof token !== 'string' || token.length > MAX_TOKEN_LENGTH) throw malformed();
    const kind = this.#kindOf(token);
    const now = this.#now();
    const caller = callerIn(await verifiedClaims(token, kind, now), kind);
    this.#remembered.set(token, { caller, atMs: now.getTime() });
    return caller;
  }

  #kindOf(token: string): TokenKind {
    let keyId: unknown;
    try {
      keyId = decodeProtectedHeader(token).kid;
    } catch {
      throw malformed();
    }
    const kind = (typeof keyId === 'string' ? this.#own.get(keyId) : undefined) ?? this.#oidc;
    if (kind === undefined) throw new UnauthorizedError('the token names no key that is trusted here');
    return kind;
  }
}

function malformed(): UnauthorizedError {
  return new UnauthorizedError('the bearer token is not a JWT');
}

function ownKind(publicKeyHex: string): TokenKind {
  if (!hexPattern(32).test(publicKeyHex))
    throw new TypeError('token verifier: a public key is 64 hex digits');
  const key = publicKeyObject(toU8(publicKeyHex));
  return {
    algorithms: ['EdDSA'],
    key: async () => key,
    userClaim: 'sub',
    tenantClaim: 'tenant',
    scopeClaim: 'scope',
    tokenIdClaim: 'jti',
    needsTokenId: true,
    leewayS: 0,
    mayBeOperator: true,
    isMintedHere: true,
  };
}

function oidcKind(oidc: OidcIssuer): TokenKind {
  return {
    algorithms: OIDC_ALGORITHMS,
    key: oidcKeys(oidc),
    issuer: oidc.issuer,
    audience: oidc.audience,
    userClaim: oidc.userClaim ?? 'sub',
    tenantClaim: oidc.tenantClaim ?? 'tenant',
    scopeClaim: oidc.scopeClaim ?? 'scope',
    tokenIdClaim: oidc.tokenIdClaim ?? 'jti',
    needsTokenId: false,
    leewayS: FOREIGN_LEEWAY_S,
    mayBeOperator: oidc.operatorTenant === SYSTEM.tenant,
    isMintedHere: false,
  };
}

async function verifiedClaims(token: string, kind: TokenKind, currentDate: Date): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, kind.key, {
      algorithms: kind.algorithms,
      requiredClaims: ['exp', ...claimsOf(kind)],
      currentDate,
      clockTolerance: kind.leewayS,
      ...(kind.issuer === undefined ? {} : { issuer: kind.issuer }),
      ...(kind.audience === undefined ? {} : { audience: kind.audience }),
    });
    refuseFutureIssue(payload, kind, currentDate);
    return payload;
  } catch (cause) {
    throw refusalOf(cause);
  }
}

function claimsOf({ userClaim, tenantClaim, scopeClaim, tokenIdClaim, needsTokenId }: TokenKind): string[] {
  return [userClaim, tenantClaim, scopeClaim, ...(needsTokenId ? [tokenIdClaim] : [])];
}

/** Refuses an `iat` in the future, which `jose` checks only when a maximum age is set. */
function refuseFutureIssue({ iat }: JWTPayload, { leewayS }: TokenKind, now: Date): void {
  if (iat !== undefined && iat * 1000 > now.getTime() + leewayS * 1000) throw notYetValid('iat');
}

function notYetValid(claim: string): UnauthorizedError {
  return new UnauthorizedError(`the token is not yet valid: its ${claim} claim lies in the future`);
}

/** The error for a failed check; its message reveals nothing that the caller does not know. */
function refusalOf(cause: unknown): Error {
  if (cause instanceof UnavailableError || cause instanceof UnauthorizedError) return cause;
  if (cause instanceof errors.JWTExpired)
    return new UnauthorizedError('the token has expired: its exp claim lies in the past', { cause });
  if (cause instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = cause;
    if (claim === 'nbf' && reason === 'check_failed') return notYetValid(claim);
    const what = reason === 'missing' ? 'missing' : 'not accepted';
    return new UnauthorizedError(`the token's ${claim} claim is ${what}`, { cause });
  }
  if (cause instanceof errors.JOSEAlgNotAllowed) {
    return new UnauthorizedError('the token is signed with an algorithm that is not accepted', { cause });
  }
  // The key set could not be loaded or read, which says nothing about the token.
  if (
    !(cause instanceof errors.JOSEError) ||
    cause.code === 'ERR_JOSE_GENERIC' ||
    cause instanceof errors.JWKSTimeout ||
    cause instanceof errors.JWKSInvalid
  ) {
    return issuerUnavailable(cause);
  }
  return new UnauthorizedError('the token does not verify', { cause });
}

function callerIn(claims: JWTPayload, kind: TokenKind): Caller {
  const user = nameIn(claims, kind.userClaim);
  if (user === LOG_USER) throw new UnauthorizedError(`the name ${LOG_USER} is kept for the log itself`);
  const tenant = nameIn(claims, kind.tenantClaim);
  if (tenant === SYSTEM.tenant && !kind.mayBeOperator) {
    throw new UnauthorizedError("the token's issuer may not speak for this tenant");
  }
  const isUnnamed = claims[kind.tokenIdClaim] === undefined && !kind.needsTokenId;
  const tokenId = isUnnamed ? undefined : nameIn(claims, kind.tokenIdClaim);
  const expiresAt = new Date((claims.exp ?? Number.NaN) * 1000);
  if (Number.isNaN(expiresAt.getTime())) throw new UnauthorizedError("the token's exp claim is not a date");
  return Object.freeze({
    user,
    tenant,
    scopes: scopesIn(scopeIn(claims, kind.scopeClaim)),
    tokenId,
    expiresAt,
    isMintedHere: kind.isMintedHere,
  });
}

function nameIn(claims: JWTPayload, claim: string): string {
  const value = claims[claim];
  if (!isName(value)) throw new UnauthorizedError(`the token's ${claim} claim is not a usable name`);
  return value;
}

function scopeIn(claims: JWTPayload, claim: string): string {
  const value = claims[claim];
  const text = Array.isArray(value) ? value.join(' ') : value;
  if (typeof text !== 'string' || text.trim() === '') {
    throw new UnauthorizedError(`the token's ${claim} claim is empty`);
  }
  return text;
}

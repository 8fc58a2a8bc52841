import type { SettingsReader } from './settings-reader';

/** `logline:oidc`: an OpenID Connect issuer whose tokens are accepted besides the CLI's. */
export interface OidcSettings {
  /** URL of the issuer, as its tokens have it in `iss`. Required. */
  readonly issuer: string;
  /** What its tokens have in `aud`. Required. */
  readonly audience: string;
  /** Claim with the user. Defaults to `sub`. */
  readonly userClaim: string;
  /** Claim with the tenant. Defaults to `tenant`. */
  readonly tenantClaim: string;
  /** Claim with the scopes, space-separated or a list. Defaults to `scope`. */
  readonly scopeClaim: string;
  /** OAuth client id of the explorer. Defaults to none: the explorer then offers no sign-in. */
  readonly clientId: string | undefined;
  /** Scopes that the explorer requests, space-separated. Defaults to `openid`. */
  readonly scopes: string;
  /** Claim with the token's id, by which it can be revoked. Defaults to `jti`. */
  readonly tokenIdClaim: string;
  /** `system` when the issuer's tokens may act for the operator's tenant. Defaults to none. */
  readonly operatorTenant: string;
  /**
   * API Gateway refuses every call without a valid token of the issuer. Public spans then need a token, and the CLI's
   * tokens are not accepted. Defaults to false: Stage-0 checks tokens.
   */
  readonly atGateway: boolean;
}

/** Reads the group `oidc`; undefined when it is not set. */
export function readOidc(root: SettingsReader): OidcSettings | undefined {
  if (!root.has('oidc')) {
    return undefined;
  }
  const reader = root.object('oidc', [
    'issuer',
    'audience',
    'userClaim',
    'tenantClaim',
    'scopeClaim',
    'clientId',
    'scopes',
    'tokenIdClaim',
    'operatorTenant',
    'atGateway',
  ]);
  for (const key of ['issuer', 'audience']) {
    if (!reader.has(key)) {
      reader.fault(key, 'is missing; an issuer needs its https URL and the audience of its tokens');
    }
  }
  const claim = /^[\w:./-]{1,128}$/;
  return {
    issuer: reader.text('issuer', /^https:\/\/[^\s?#]+$/, 'an https URL', ''),
    audience: reader.text('audience', /^\S+$/, 'text without spaces', ''),
    userClaim: reader.text('userClaim', claim, 'the name of a claim', 'sub'),
    tenantClaim: reader.text('tenantClaim', claim, 'the name of a claim', 'tenant'),
    scopeClaim: reader.text('scopeClaim', claim, 'the name of a claim', 'scope'),
    clientId: reader.has('clientId')
      ? reader.text('clientId', /^\S+$/, 'text without spaces', '')
      : undefined,
    scopes: reader.text(
      'scopes',
      /^[\x21-\x7e]+( [\x21-\x7e]+)*$/,
      'scopes with one space between',
      'openid',
    ),
    tokenIdClaim: reader.text('tokenIdClaim', claim, 'the name of a claim', 'jti'),
    operatorTenant: reader.text('operatorTenant', /^system$/, 'system, the tenant of the operator', ''),
    atGateway: reader.boolean('atGateway', false),
  };
}

import { discover, type OidcIssuer } from './oidc-issuer';

/** How a page gets a token of an issuer for its user: OAuth 2.0 authorization code with PKCE (RFC 7636). */
export interface SignIn {
  readonly issuer: string;
  readonly client_id: string;
  readonly scopes: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
}

/**
 * Finds out how to sign in at an issuer, when first asked; failures are not kept.
 * @returns undefined when the issuer has no client for that
 */
export function signInAt(issuer: OidcIssuer | undefined): (() => Promise<SignIn | undefined>) | undefined {
  if (issuer?.clientId === undefined) return undefined;
  const { clientId, scopes = 'openid' } = issuer;
  let found: Promise<SignIn | undefined> | undefined;
  return () => {
    found ??= discover(issuer).then(
      ({ authorization_endpoint: authorization, token_endpoint: token }) => {
        if (!isUrl(authorization) || !isUrl(token)) return undefined;
        return {
          issuer: issuer.issuer,
          client_id: clientId,
          scopes,
          authorization_endpoint: authorization,
          token_endpoint: token,
        };
      },
      () => {
        // The page is served without sign-in until the issuer answers.
        found = undefined;
        return undefined;
      },
    );
    return found;
  };
}

/** Where a person, or a code, may be sent. */
function isUrl(value: unknown): value is string {
  return typeof value === 'string' && /^https?:\/\//.test(value) && URL.canParse(value);
}

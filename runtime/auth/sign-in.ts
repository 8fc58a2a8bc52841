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
 * Looks up an issuer's sign-in endpoints at the first call; failures are not cached.
 * @returns undefined when no client id is configured; else a function that resolves to undefined while the issuer
 *   does not answer or has no such endpoints
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

/** Whether a value is an http(s) URL, to which a browser may be sent. */
function isUrl(value: unknown): value is string {
  return typeof value === 'string' && /^https?:\/\//.test(value) && URL.canParse(value);
}

import { textOf } from './json';

const MEMBERS = ['issuer', 'client_id', 'scopes', 'authorization_endpoint', 'token_endpoint'] as const;

/** The OIDC client that `/explorer/sign-in.json` describes. */
export type SignIn = Readonly<Record<(typeof MEMBERS)[number], string>>;

const KEY = 'logline.sign-in';
const HOME = '/explorer/';

/** Undefined when no issuer is configured, or its metadata cannot be read. */
export async function readSignIn(): Promise<SignIn | undefined> {
  const response = await fetch(`${HOME}sign-in.json`);
  if (!response.ok) return undefined;
  const body: unknown = await response.json();
  return isSignIn(body) ? body : undefined;
}

function isSignIn(body: unknown): body is SignIn {
  return MEMBERS.every((name) => textOf(body, name) !== undefined);
}

/** Redirects to the issuer, which redirects back with a code (RFC 6749 section 4.1, with PKCE, RFC 7636). */
export async function leaveToSignIn(how: SignIn): Promise<void> {
  const [verifier, state] = [randomText(), randomText()];
  const back = location.pathname + location.search;
  sessionStorage.setItem(KEY, JSON.stringify({ verifier, state, back }));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  const url = new URL(how.authorization_endpoint);
  for (const [name, value] of Object.entries({
    response_type: 'code',
    client_id: how.client_id,
    redirect_uri: redirectUri(),
    scope: how.scopes,
    state,
    code_challenge: base64Url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
  }))
    url.searchParams.set(name, value);
  location.assign(url);
}

/**
 * Removes the code from the address that the issuer redirected to, and exchanges it for an access token.
 * @returns the token and the address before the sign-in; undefined when this tab did not request the code, or gets no token
 */
export async function tokenOfCode(): Promise<{ token: string; back: string } | undefined> {
  const search = new URLSearchParams(location.search);
  const stored: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
  sessionStorage.removeItem(KEY);
  history.replaceState(null, '', HOME);
  const code = search.get('code');
  const [verifier, state, back] = ['verifier', 'state', 'back'].map((name) => textOf(stored, name));
  // Accepting a code that this tab did not request would sign the user in as somebody else.
  if (code === null || verifier === undefined || state === undefined || search.get('state') !== state)
    return undefined;
  const how = await readSignIn();
  if (how === undefined) return undefined;
  const response = await fetch(how.token_endpoint, {
    method: 'POST',
    credentials: 'omit',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri(),
      client_id: how.client_id,
      code_verifier: verifier,
    }),
  });
  // The access token is meant for the ledger; an ID token only tells this page who the user is.
  const token = textOf(await response.json(), 'access_token');
  return token === undefined ? undefined : { token, back: back ?? HOME };
}

function redirectUri(): string {
  return location.origin + HOME;
}

function randomText(): string {
  return base64Url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

/** An OpenID Connect issuer for sign-in tests: it accepts everyone and checks PKCE (RFC 7636). */
export class SignInIssuer {
  readonly url: string;
  /** Access token that it returns for a code. */
  accessToken = '';
  readonly #challenges = new Map<string, string>();
  readonly #close: () => void;

  private constructor(url: string, close: () => void) {
    this.url = url;
    this.#close = close;
  }

  static async start(): Promise<SignInIssuer> {
    let issuer: SignInIssuer | undefined;
    const server = createServer((request, response) => void issuer?.answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the issuer has no port');
    issuer = new SignInIssuer(`http://127.0.0.1:${address.port}`, () => {
      server.closeAllConnections();
      server.close();
    });
    return issuer;
  }

  close(): void {
    this.#close();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    if (pathname === '/authorize') {
      const code = randomUUID();
      this.#challenges.set(code, searchParams.get('code_challenge') ?? '');
      const back = new URL(searchParams.get('redirect_uri') ?? '');
      back.searchParams.set('code', code);
      back.searchParams.set('state', searchParams.get('state') ?? '');
      response.writeHead(302, { location: back.href }).end();
      return;
    }
    const body =
      pathname === '/token' ? this.#tokens(new URLSearchParams(await text(request))) : this.#metadata();
    const answered = pathname === '/keys' ? { keys: [] } : body;
    const headers = { 'content-type': 'application/json', 'access-control-allow-origin': '*' };
    response.writeHead('error' in body ? 400 : 200, headers).end(JSON.stringify(answered));
  }

  #metadata(): object {
    const { url } = this;
    return {
      issuer: url,
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: `${url}/token`,
      jwks_uri: `${url}/keys`,
    };
  }

  #tokens(form: URLSearchParams): object {
    const code = form.get('code') ?? '';
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (this.#challenges.get(code) !== challenge) return { error: 'invalid_grant' };
    this.#challenges.delete(code);
    return { access_token: this.accessToken, id_token: 'a.b.c', token_type: 'Bearer' };
  }
}

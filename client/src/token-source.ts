import type { RenewedToken } from './transport';

/** A token, or a function that returns one, which is called again once after a 401. */
export type TokenSource = string | (() => string | Promise<string>);

/** A {@link TokenSource} that calls a function only for the first token and after a refusal. */
export function tokenOf(source: TokenSource | undefined): string | RenewedToken | undefined {
  if (typeof source !== 'function') return source;
  let token: Promise<string> | undefined;
  const renew = (): void => {
    token = undefined;
  };
  return {
    renew,
    async current() {
      token ??= Promise.resolve(source());
      // After a failure the next request calls the function again.
      token.catch(renew);
      return token;
    },
  };
}

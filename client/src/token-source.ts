import type { RenewedToken } from './transport';

/** Text, or whatever yields one; a function is asked again once when the ledger answers 401. */
export type TokenSource = string | (() => string | Promise<string>);

/** A token as the transport takes it: one that a function yields is kept until it is refused. */
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
      // A source that failed is asked again by the next request.
      token.catch(renew);
      return token;
    },
  };
}

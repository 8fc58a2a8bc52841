import type { RenewedToken } from './transport';

/** Text, or whatever yields one; a function is asked again once when the ledger answers 401. */
export type TokenSource = string | (() => string | Promise<string>);

/** A token that a function yields, asked for once and kept until it is refused. */
export class AskedToken implements RenewedToken {
  readonly #source: () => string | Promise<string>;
  #token: Promise<string> | undefined;

  constructor(source: () => string | Promise<string>) {
    this.#source = source;
  }

  async current(): Promise<string> {
    this.#token ??= Promise.resolve(this.#source());
    const asked = this.#token;
    // A source that failed is asked again by the next request.
    return asked.catch((error) => {
      if (this.#token === asked) this.#token = undefined;
      throw error;
    });
  }

  renew(): void {
    this.#token = undefined;
  }
}

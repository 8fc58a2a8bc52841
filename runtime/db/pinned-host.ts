import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { type LookupFunction, Socket } from 'node:net';

/** Resolves a host name to all its addresses; `dns.lookup` with `all`, which gives no second argument with an error. */
export type ResolveAll = (
  host: string,
  callback: (error: Error | null, found?: readonly LookupAddress[]) => void,
) => void;

const resolveAll: ResolveAll = (host, callback) => systemLookup(host, { all: true }, callback);

/**
 * Pins all connections to a host to one of its addresses. A reader endpoint resolves to a different reader for each
 * connection, and one may lack what another has replayed (Aurora user guide, "Reader endpoints").
 */
export class PinnedHost {
  readonly #resolve: ResolveAll;
  #address: LookupAddress | undefined;
  /** The address that was released last, so that one that does not answer is not taken again while there are others. */
  #released: string | undefined;

  /** @param resolve defaults to the system's resolver */
  constructor(resolve: ResolveAll = resolveAll) {
    this.#resolve = resolve;
  }

  /** Resolves the name again for the next connection, and pins later ones to the result. */
  release(): void {
    this.#released = this.#address?.address;
    this.#address = undefined;
  }

  /** Resolves the name on first use, and after {@link release}. */
  readonly lookup: LookupFunction = (host, { all }, callback) => {
    const answer = (error: Error | null, address: LookupAddress | undefined): void => {
      if (error !== null || address === undefined) callback(error ?? new Error(`${host} has no address`), []);
      else if (all) callback(null, [address]);
      else callback(null, address.address, address.family);
    };
    if (this.#address !== undefined) return answer(null, this.#address);
    this.#resolve(host, (error, found = []) => {
      if (error === null)
        this.#address ??= found.find(({ address }) => address !== this.#released) ?? found[0];
      answer(error, this.#address);
    });
  };
}

/** A socket with a custom lookup of names. */
export class ResolvingSocket extends Socket {
  readonly #lookup: LookupFunction;

  constructor(lookup: LookupFunction) {
    super();
    this.#lookup = lookup;
  }

  /** As pg calls it: a port and a host, or the path of a Unix socket. */
  override connect(...args: unknown[]): this {
    const [port, host] = args;
    if (typeof port === 'number' && typeof host === 'string')
      return super.connect({ port, host, lookup: this.#lookup });
    return super.connect(String(port));
  }
}

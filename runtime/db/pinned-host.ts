import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { type LookupFunction, Socket } from 'node:net';

/** How a name becomes addresses; `dns.lookup` with `all`. */
export type ResolveAll = (
  host: string,
  callback: (error: Error | null, found: LookupAddress[]) => void,
) => void;

const resolveAll: ResolveAll = (host, callback) => systemLookup(host, { all: true }, callback);

/**
 * A host of which all connections go to one address. A reader endpoint gives each connection another reader, and what
 * one of them has, the next may lack (Aurora user guide, "Reader endpoints").
 */
export class PinnedHost {
  readonly #resolve: ResolveAll;
  #address: LookupAddress | undefined;

  /** @param resolve defaults to the system's resolver */
  constructor(resolve: ResolveAll = resolveAll) {
    this.#resolve = resolve;
  }

  /** The next connection may go to another address, and those after it follow. */
  release(): void {
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
    this.#resolve(host, (error, [first]) => {
      if (error === null) this.#address ??= first;
      answer(error, this.#address);
    });
  };
}

/** A socket that resolves names in a way of its own. */
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

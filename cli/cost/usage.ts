/** Assumed usage. */
export interface Usage {
  /** Calls of the API. Defaults to 100,000 a month. */
  readonly requests: number;
  /** Seconds of function time for a request or a tick. Defaults to 0.1. */
  readonly secondsPerCall: number;
  /** GB a month through NAT gateways. Defaults to 10, and to 0 without a gateway. */
  readonly natGb: number;
  /** GB stored in an Aurora cluster. Defaults to 20. */
  readonly auroraGb: number;
  /** Million I/O requests a month of an Aurora cluster. Defaults to 10. */
  readonly auroraIoMillions: number;
}

/** Usage that the program's resources do not show. */
export const DEFAULT_USAGE: Usage = {
  requests: 100_000,
  secondsPerCall: 0.1,
  natGb: 10,
  auroraGb: 20,
  auroraIoMillions: 10,
};

/** What is assumed about use. */
export interface Usage {
  /** Calls of the API. Defaults to 100,000 a month. */
  readonly requests: number;
  /** Seconds that a request or a tick keeps a function busy. Defaults to 0.1. */
  readonly secondsPerCall: number;
  /** GB through NAT gateways. Defaults to 10 a month, and to none without a gateway. */
  readonly natGb: number;
  /** What an Aurora cluster holds, and how often it goes to its storage. Default to 20 GB and 10 million times a month. */
  readonly auroraGb: number;
  readonly auroraIoMillions: number;
}

/** Nobody knows these before. */
export const DEFAULT_USAGE: Usage = {
  requests: 100_000,
  secondsPerCall: 0.1,
  natGb: 10,
  auroraGb: 20,
  auroraIoMillions: 10,
};

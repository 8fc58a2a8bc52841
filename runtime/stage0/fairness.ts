import { FairShares } from '../base/fair-shares';
import { FairTurns } from '../base/fair-turns';

const MIB = 1024 * 1024;

/** What requests of all tenants share, and how. */
export interface Fairness {
  /** The thread that serves. */
  readonly turns: FairTurns;
  /** Bytes of request bodies that are being received or worked on. */
  readonly bodies: FairShares;
  /** Appends under way, whatever their size. */
  readonly appends: FairShares;
  /** Pages being read: each takes a connection, and up to 4 MiB of JSON in memory. */
  readonly reads: FairShares;
}

export interface FairnessOptions {
  /** Defaults to 32 MiB. A span takes some eight times its JSON while it is worked on. */
  readonly bodyBytes?: number;
  /** Defaults to 2,000. */
  readonly appends?: number;
  /** Fewer than the pool has connections, so that one is always left for who is calling. Defaults to 8. */
  readonly reads?: number;
}

/** The bounds of one process. */
export function createFairness(options: FairnessOptions = {}): Fairness {
  return {
    turns: new FairTurns(),
    bodies: new FairShares({ what: 'bytes of requests under way', capacity: options.bodyBytes ?? 32 * MIB }),
    appends: new FairShares({ what: 'appends under way', capacity: options.appends ?? 2_000 }),
    reads: new FairShares({ what: 'reads under way', capacity: options.reads ?? 8 }),
  };
}

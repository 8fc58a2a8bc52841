import { FairShares } from '../base/fair-shares';
import { FairTurns } from '../base/fair-turns';
import type { SpanText } from './span-texts';

const MIB = 1024 * 1024;

/** What requests of all tenants share, and how. */
export interface Fairness {
  /** The thread that serves. */
  readonly turns: FairTurns;
  /** Bytes of request bodies that are being received or worked on. */
  readonly bodies: FairShares;
  /** Appends under way, whatever their size, those whose bodies are still being received among them. */
  readonly appends: FairShares;
  /** Appends that were received and are worked on. */
  readonly work: FairShares;
  /** Bytes of memory of the spans that are parsed, hashed, signed and written; see {@link memoryOf}. */
  readonly spans: FairShares;
  /** Large answers being compressed, each on a thread of those that Node has four of. */
  readonly compressions: FairShares;
  /** Pages being read: each takes a connection, and up to 4 MiB of JSON in memory. */
  readonly reads: FairShares;
}

export interface FairnessOptions {
  /** Defaults to 32 MiB. */
  readonly bodyBytes?: number;
  /** Defaults to 96 MiB. */
  readonly spanBytes?: number;
  /** Defaults to 2,000. */
  readonly appends?: number;
  /**
   * Defaults to 64, of which one tenant alone gets half. With 128 of its own it is faster by a fifth, and holds up the
   * others (bench/README.md).
   */
  readonly work?: number;
  /** Fewer than the pool has connections, so that one is always left for who is calling. Defaults to 8. */
  readonly reads?: number;
}

/** The bounds of one process. */
export function createFairness(options: FairnessOptions = {}): Fairness {
  return {
    turns: new FairTurns(),
    bodies: new FairShares({ what: 'bytes of requests under way', capacity: options.bodyBytes ?? 32 * MIB }),
    spans: new FairShares({ what: 'memory of spans under way', capacity: options.spanBytes ?? 96 * MIB }),
    appends: new FairShares({ what: 'appends under way', capacity: options.appends ?? 2_000 }),
    work: new FairShares({ what: 'appends being worked on', capacity: options.work ?? 64 }),
    compressions: new FairShares({ what: 'large answers being compressed', capacity: 2 }),
    reads: new FairShares({ what: 'reads under way', capacity: options.reads ?? 8 }),
  };
}

/** What the server adds to a span, and its texts and objects on their way, beside what the client sent. */
const BYTES_A_SPAN = 5 * 1024;
/** Copies of a span's JSON on its way: text, draft, payload, row, statement, answer. */
const COPIES = 6;
const BYTES_A_VALUE = 64;

/**
 * About how much memory spans take up while they are worked on. A thousand spans of 45 bytes take a hundred times their
 * JSON, so that their bytes alone bound nothing.
 */
export function memoryOf(texts: readonly SpanText[]): number {
  let bytes = 0;
  for (const text of texts) bytes += BYTES_A_SPAN + COPIES * text.bytes.length + BYTES_A_VALUE * text.values;
  return bytes;
}

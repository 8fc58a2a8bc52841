import { FairShares } from '../base/fair-shares';
import { FairTurns } from '../base/fair-turns';
import { LruCache } from '../base/lru-cache';
import { ThreadPace } from '../base/thread-pace';
import type { SpanText } from './span-texts';

const MIB = 1024 * 1024;

/** The resources that requests of all tenants share. */
export interface Fairness {
  /** Turns of the main thread. */
  readonly turns: FairTurns;
  /** Bytes of request bodies that are being received or processed. */
  readonly bodies: FairShares;
  /** Appends in progress, including those whose bodies are still being received. */
  readonly appends: FairShares;
  /** Slots for appends that were received and are processed. */
  readonly work: FairShares;
  /** Bytes of memory of the spans that are parsed, hashed, signed and written; see {@link memoryOf}. */
  readonly spans: FairShares;
  /** Runs that a caller waits for. */
  readonly runs: FairShares;
  /** Bytes of their inputs, which stay in memory until they end. */
  readonly inputs: FairShares;
  /** Large answers being compressed, each on one of libuv's four threads. */
  readonly compressions: FairShares;
  /** Pages being read: each takes a connection and one part, or two when its tenant reads large pages. */
  readonly reads: FairShares;
  /** Tenant → bytes of the page that it read last. */
  readonly lastPageBytes: LruCache<number>;
}

export interface FairnessOptions {
  /** Defaults to 32 MiB. */
  readonly bodyBytes?: number;
  /**
   * Defaults to 32 MiB, of which one tenant alone gets half: three batches of a thousand small spans keep the thread
   * busy, and with nine at a time it spends a fifth of its time on collecting them.
   */
  readonly spanBytes?: number;
  /** Defaults to 2,000. */
  readonly appends?: number;
  /**
   * Defaults to 64, of which one tenant alone gets half. With 128 a single tenant is a fifth faster but delays the others
   * (bench/README.md).
   */
  readonly work?: number;
  /** Defaults to {@link MAX_RUNS}, of which one tenant alone gets half. */
  readonly runs?: number;
  /** Fewer than the pool has connections, so that one is always left for who is calling. Defaults to 8. */
  readonly reads?: number;
  /** Whether many requests are served at a time, so that heavy tenants rest for others. Defaults to false. */
  readonly isShared?: boolean | undefined;
}

/** Runs that callers wait for at a time, over all tenants. */
export const MAX_RUNS = 1_000;
const MAX_REMEMBERED_TENANTS = 10_000;
/** What Retry-After says, so that the share may be free again. In a Lambda function the wait would be paid for. */
const REFUSED_AFTER_MS = 1_000;

/** The bounds of one process. */
export function createFairness(options: FairnessOptions = {}): Fairness {
  const refusedAfterMs = options.isShared === true ? REFUSED_AFTER_MS : 0;
  const shared = (what: string, capacity: number) => new FairShares({ what, capacity, refusedAfterMs });
  const bytes = (what: string, capacity = 32 * MIB) =>
    new FairShares({ what, capacity, refusedAfterMs, keepsRoom: true });
  return {
    turns: new FairTurns(options.isShared === true ? new ThreadPace() : undefined),
    bodies: bytes('bytes of requests under way', options.bodyBytes),
    spans: bytes('memory of spans under way', options.spanBytes),
    appends: shared('appends under way', options.appends ?? 2_000),
    work: shared('appends being worked on', options.work ?? 64),
    runs: shared('runs under way', options.runs ?? MAX_RUNS),
    inputs: bytes('bytes of inputs of runs under way'),
    compressions: shared('large answers being compressed', 2),
    reads: shared('reads under way', options.reads ?? 8),
    lastPageBytes: new LruCache(MAX_REMEMBERED_TENANTS),
  };
}

/** Memory of a span in addition to what the client sent: members that the server adds, objects and texts. */
const BYTES_A_SPAN = 5 * 1024;
/** Copies of a span's JSON in memory: text, draft, payload, row, statement, answer. */
const COPIES = 6;
const BYTES_A_VALUE = 64;

/**
 * Approximate memory of spans while they are processed. A thousand spans of 45 bytes take a hundred times their JSON, so
 * that limiting bytes alone would not be enough.
 */
export function memoryOf(texts: readonly SpanText[]): number {
  let bytes = 0;
  for (const text of texts) bytes += BYTES_A_SPAN + COPIES * text.bytes.length + BYTES_A_VALUE * text.values;
  return bytes;
}

import type { TokenVerifier } from '../auth';
import type { RevocationList } from '../auth/revocation-list';
import type { Database } from '../db/pool';
import type { Reader } from '../db/reader';
import type { FunctionStarter } from '../host/function-starter';
import type { FeedEpochs } from '../ledger/feed-epoch';
import type { FeedWaiters } from '../ledger/feed-waiters';
import type { SpanWriter } from '../ledger/span-writer';
import type { Logger } from '../log/logger';
import type { CursorSealer } from './cursor';
import type { Explorer } from './explorer';
import type { Fairness } from './fairness';
import type { Health } from './health';
import type { InstanceKeys } from './instance-keys';

/** An answered request, without its caller and content. */
export interface SeenRequest {
  readonly operation: string;
  readonly method: string;
  /** As the route table has it, with `{…}` for what differs. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  /** 32 hexadecimal digits (W3C Trace Context). */
  readonly traceId: string;
  /** 16 hexadecimal digits; undefined when traces are not collected. */
  readonly spanId: string | undefined;
  /** The caller's `traceparent`, if it sent one. */
  readonly traceparent: string | null;
}

/** The dependencies and settings of Stage-0. */
export interface Stage0 {
  readonly database: Database;
  /** A standby that answers reads. Defaults to none. */
  readonly reader?: Reader | undefined;
  readonly writer: SpanWriter;
  readonly tokens: TokenVerifier;
  readonly revocations: RevocationList;
  readonly cursors: CursorSealer;
  readonly epochs: FeedEpochs;
  readonly waiters: FeedWaiters;
  /** Longest long poll of the feed, in seconds; 0 disables it. */
  readonly maxWaitSeconds: number;
  readonly functions: FunctionStarter;
  readonly fairness: Fairness;
  readonly logger: Logger;
  readonly instanceKeys: InstanceKeys;
  readonly health: Health;
  /** Called after each answered request; must not take long. */
  readonly onRequest?: (seen: SeenRequest) => void;
  /** Makes ids of a trace's spans, 16 hexadecimal digits. Defaults to none, when traces are not collected. */
  readonly newSpanId?: () => string;
  /** Public keys (hex) whose signatures are trusted as the instance's. */
  readonly trustedKeys: () => ReadonlySet<string>;
  /** Secret salt of this instance's stable ids. */
  readonly stableIdSalt: () => string;
  /** Public key of the instance, for health. */
  readonly publicKeyHex: () => string;
  /** Origins that browsers may call from. Defaults to none. */
  readonly corsOrigins?: readonly string[];
  /** The page for people. Defaults to none. */
  readonly explorer?: Explorer;
}

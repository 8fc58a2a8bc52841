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

/** A request that was answered: nothing of who asked, and nothing of what for. */
export interface SeenRequest {
  readonly operation: string;
  readonly method: string;
  /** As the route table has it, with `{…}` for what differs. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  /** 32 hexadecimal digits (W3C Trace Context). */
  readonly traceId: string;
  /** 16 hexadecimal digits; undefined when nobody collects traces. */
  readonly spanId: string | undefined;
  /** The caller's `traceparent`, if it sent one. */
  readonly traceparent: string | null;
}

/** Everything Stage-0 works with. */
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
  /** How long an empty page of the feed may be held; 0 for not at all. */
  readonly maxWaitSeconds: number;
  readonly functions: FunctionStarter;
  readonly fairness: Fairness;
  readonly logger: Logger;
  readonly instanceKeys: InstanceKeys;
  readonly health: Health;
  /** Told of each request once it is answered; must not take long. Defaults to nobody. */
  readonly onRequest?: (seen: SeenRequest) => void;
  /** Ids of a trace's spans, 16 hexadecimal digits. Defaults to none: nobody collects traces. */
  readonly newSpanId?: () => string;
  /** Public keys (hex) whose signatures count as the instance's. */
  readonly trustedKeys: () => ReadonlySet<string>;
  /** What makes stable ids of this instance; a secret. */
  readonly stableIdSalt: () => string;
  /** Public key of the instance, for health. */
  readonly publicKeyHex: () => string;
  /** Origins that browsers may call from. Defaults to none. */
  readonly corsOrigins?: readonly string[];
  /** The page for people. Defaults to none. */
  readonly explorer?: Explorer;
}

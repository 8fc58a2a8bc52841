import type { Hono } from 'hono';
import { type OidcIssuer, TokenVerifier } from '../auth';
import { RevocationList } from '../auth/revocation-list';
import { signInAt } from '../auth/sign-in';
import type { Database } from '../db/pool';
import type { Reader } from '../db/reader';
import type { FunctionStarter } from '../host/function-starter';
import { AppendLimits } from '../ledger/append-limits';
import { FeedEpochs } from '../ledger/feed-epoch';
import { FeedWaiters } from '../ledger/feed-waiters';
import type { KeyRing } from '../ledger/keys/key-ring';
import { SpanWriter } from '../ledger/span-writer';
import { stableIdSalt } from '../ledger/stable-id';
import type { Logger } from '../log/logger';
import { createApp } from './app';
import { tenantBefore } from './authenticate';
import { CursorSealer } from './cursor';
import type { Explorer, ExplorerFiles } from './explorer';
import { createFairness } from './fairness';
import { Health, type HealthOptions } from './health';
import { InstanceKeys, type InstanceKeysOptions } from './instance-keys';
import type { Stage0 } from './stage0';

export interface AssembleStage0Options {
  readonly database: Database;
  /** See `AppendQueueOptions.bulk`. */
  readonly bulk?: Database | undefined;
  /** A standby that answers reads. Defaults to none. */
  readonly reader?: Reader | undefined;
  /** Called for each signature, so that the current key can change while requests run. */
  readonly keys: () => KeyRing;
  readonly logger: Logger;
  /** Makes the function starter; gets the writer, since every start appends spans. */
  readonly functions: (writer: SpanWriter) => FunctionStarter;
  readonly oidc?: OidcIssuer | undefined;
  readonly corsOrigins?: readonly string[];
  /** Files of the explorer; undefined serves none. */
  readonly explorer?: ExplorerFiles | undefined;
  /** Longest long poll of the feed, in seconds; 0 disables it. Defaults to 20. */
  readonly maxWaitSeconds?: number | undefined;
  /** Days that an `Idempotency-Key` is valid. Defaults to 30. */
  readonly idempotencyDays?: number | undefined;
  /** `LOGLINE_ORIGIN`; see {@link InstanceKeysOptions}. */
  readonly origin?: string | undefined;
  readonly checkpoints?: InstanceKeysOptions['checkpoints'];
  /** See {@link Stage0.onRequest}. */
  readonly onRequest?: Stage0['onRequest'];
  /** See {@link Stage0.newSpanId}. */
  readonly newSpanId?: Stage0['newSpanId'];
  /** Whether many requests are served at a time. Defaults to false, as in a Lambda. */
  readonly isShared?: boolean | undefined;
  /** Called after each commit with the number of appends that shared it, for instance to seal new spans. */
  readonly onCommit?: ((batches: number) => void) | undefined;
  /** See {@link HealthOptions}. */
  readonly health?: Pick<HealthOptions, 'ticks' | 'found' | 'isReady'>;
}

/** Stage-0 and the parts it is assembled from. */
export interface AssembledStage0 {
  readonly app: Hono;
  readonly writer: SpanWriter;
  /** The tenant of an Authorization header whose token was verified before, else ''. */
  readonly tenantOf: (authorization: string | undefined) => string;
}

/** Assembles Stage-0, the same locally and in a Lambda. */
export function assembleStage0(options: AssembleStage0Options): AssembledStage0 {
  const { database, keys, logger, oidc, corsOrigins = [] } = options;
  const fairness = createFairness({ isShared: options.isShared });
  const waiters = new FeedWaiters({ database });
  const writer = new SpanWriter({
    database,
    bulk: options.bulk,
    signingKey: () => keys().current,
    limits: new AppendLimits({ database, trusted: () => keys().trusted }),
    turns: fairness.turns,
    idempotencyDays: options.idempotencyDays,
    onCommit(batches) {
      waiters.notice();
      options.onCommit?.(batches);
    },
  });
  const publicKeyHex = () => keys().current.publicKeyHex;
  const revocations = new RevocationList(database);
  const perRing = rememberByRing(keys, (ring) => ({
    cursors: new CursorSealer(ring.cursorKeys),
    tokens: new TokenVerifier({
      trustedKeys: ring.keys,
      isRevoked: (caller) => revocations.isRevoked(caller),
      oidc,
    }),
  }));
  const app = createApp({
    database,
    reader: options.reader,
    writer,
    revocations,
    get tokens() {
      return perRing().tokens;
    },
    get cursors() {
      return perRing().cursors;
    },
    epochs: new FeedEpochs(database),
    waiters,
    maxWaitSeconds: options.maxWaitSeconds ?? 20,
    functions: options.functions(writer),
    fairness,
    logger,
    publicKeyHex,
    trustedKeys: () => keys().trusted,
    stableIdSalt: () => stableIdSalt(keys()),
    instanceKeys: new InstanceKeys({
      database,
      publicKeyHex,
      origin: options.origin,
      checkpoints: options.checkpoints,
    }),
    health: new Health({ ...options.health, database, writesFailedAtMs: () => writer.failedAtMs }),
    corsOrigins,
    ...(options.onRequest === undefined ? {} : { onRequest: options.onRequest }),
    ...(options.newSpanId === undefined ? {} : { newSpanId: options.newSpanId }),
    ...(options.explorer === undefined
      ? {}
      : { explorer: { files: options.explorer, ...explorerSignIn(oidc) } }),
  });
  return { app, writer, tenantOf: (authorization) => tenantBefore(authorization, perRing().tokens) };
}

function explorerSignIn(oidc: OidcIssuer | undefined): Pick<Explorer, 'signIn'> {
  const signIn = signInAt(oidc);
  return signIn === undefined ? {} : { signIn };
}

/** Caches a value derived from the keys until the ring changes. */
function rememberByRing<T>(keys: () => KeyRing, make: (ring: KeyRing) => T): () => T {
  let made: { readonly ring: KeyRing; readonly value: T } | undefined;
  return () => {
    const ring = keys();
    if (made?.ring !== ring) made = { ring, value: make(ring) };
    return made.value;
  };
}

import { mintToken, SCOPES, type Scope, TokenVerifier } from '../../runtime/auth';
import { RevocationList } from '../../runtime/auth/revocation-list';
import { cryptoReady, generateSigningKey, type SigningKey } from '../../runtime/crypto';
import type { DatabaseOptions } from '../../runtime/db/database-options';
import { Database } from '../../runtime/db/pool';
import type { Reader } from '../../runtime/db/reader';
import type { FunctionStarter } from '../../runtime/host/function-starter';
import { FeedEpochs } from '../../runtime/ledger/feed-epoch';
import { FeedWaiters } from '../../runtime/ledger/feed-waiters';
import { KeyRing } from '../../runtime/ledger/keys/key-ring';
import { SpanWriter } from '../../runtime/ledger/span-writer';
import { stableIdSalt } from '../../runtime/ledger/stable-id';
import { silentLogger } from '../../runtime/log/logger';
import { createApp } from '../../runtime/stage0/app';
import { tenantBefore } from '../../runtime/stage0/authenticate';
import { CursorSealer } from '../../runtime/stage0/cursor';
import { createFairness, type Fairness, type FairnessOptions } from '../../runtime/stage0/fairness';
import { Health, type HealthOptions } from '../../runtime/stage0/health';
import { InstanceKeys } from '../../runtime/stage0/instance-keys';
import { createTestDatabase, type TestDatabase } from './test-database';

/** Stage-0 on a database of its own, called without a socket. */
export interface TestStage0 {
  readonly database: TestDatabase;
  readonly pool: Database;
  readonly writer: SpanWriter;
  readonly key: SigningKey;
  readonly cursors: CursorSealer;
  readonly epochs: FeedEpochs;
  readonly fairness: Fairness;
  /** The API, for tests that serve it on a socket. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly tenantOf: (authorization: string | undefined) => string;
  /** Sends a request, with `token` in the header and an object body as JSON. */
  call(path: string, options?: CallOptions): Promise<Answer>;
  token(user: string, tenant: string, scope?: readonly Scope[]): Promise<string>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly method?: string;
  readonly token?: string;
  readonly body?: unknown;
  /** Raw body, in place of `body`. */
  readonly raw?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // Tests read answers of every shape, and assert what they read.
  // biome-ignore lint/suspicious/noExplicitAny: the shape of an answer is what a test asserts
  readonly body: any;
}

export interface TestStage0Options {
  readonly functions?: FunctionStarter;
  readonly poolSize?: number;
  readonly reader?: Reader;
  readonly health?: Partial<HealthOptions>;
  readonly corsOrigins?: readonly string[];
  readonly fairness?: FairnessOptions;
  /** Returns the database options for a URL, for example through a {@link TcpProxy}. */
  readonly reach?: (appUrl: string) => Promise<DatabaseOptions>;
}

const noFunctions: FunctionStarter = {
  run: () => Promise.reject(new Error('this test runs no functions')),
  request: () => Promise.reject(new Error('this test runs no functions')),
};

/** Builds Stage-0 on a fresh copy of the template database. */
export async function createTestStage0(options: TestStage0Options = {}): Promise<TestStage0> {
  await cryptoReady();
  const database = await createTestDatabase();
  const key = generateSigningKey();
  const reached = await options.reach?.(database.appUrl);
  const pool = new Database({
    connectionString: database.appUrl,
    poolSize: options.poolSize ?? 8,
    ...reached,
  });
  const revocations = new RevocationList(pool);
  const cursors = new CursorSealer([key]);
  const epochs = new FeedEpochs(pool);
  const fairness = createFairness(options.fairness);
  const waiters = new FeedWaiters({ database: pool });
  const writer = new SpanWriter({
    database: pool,
    signingKey: () => key,
    turns: fairness.turns,
    onCommit: () => waiters.notice(),
  });
  const tokens = new TokenVerifier({
    trustedKeys: [key],
    isRevoked: (caller) => revocations.isRevoked(caller),
  });
  const app = createApp({
    database: pool,
    reader: options.reader,
    writer,
    revocations,
    tokens,
    cursors,
    epochs,
    waiters,
    maxWaitSeconds: 20,
    functions: options.functions ?? noFunctions,
    fairness,
    logger: silentLogger(),
    publicKeyHex: () => key.publicKeyHex,
    trustedKeys: () => new Set([key.publicKeyHex]),
    stableIdSalt: () => stableIdSalt(new KeyRing([key])),
    instanceKeys: new InstanceKeys({ database: pool, publicKeyHex: () => key.publicKeyHex }),
    health: new Health({ ...options.health, database: pool, writesFailedAtMs: () => writer.failedAtMs }),
    corsOrigins: options.corsOrigins ?? [],
  });
  return {
    database,
    pool,
    writer,
    key,
    cursors,
    epochs,
    fairness,
    fetch: (request) => app.fetch(request),
    tenantOf: (authorization) => tenantBefore(authorization, tokens),
    token: (user, tenant, scope = SCOPES) => mintToken(key, { sub: user, tenant, scope, ttlSeconds: 3600 }),
    async call(path, call = {}) {
      const response = await app.request(`http://localhost${path}`, requestOf(call));
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text === '' ? undefined : JSON.parse(text),
      };
    },
    async close() {
      await pool.close();
      await database.drop();
    },
  };
}

export function requestOf({ method, token, body, raw, headers = {} }: CallOptions): RequestInit {
  const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  return {
    method: method ?? (content === undefined ? 'GET' : 'POST'),
    headers: {
      ...(content === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(content === undefined ? {} : { body: content }),
  };
}

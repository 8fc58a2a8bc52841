import type { QueryResult } from 'pg';
import { mintToken, SCOPES } from '../../runtime/auth';
import type { JsonValue } from '../../runtime/base/span';
import { cryptoReady, generateSigningKey, type SigningKey } from '../../runtime/crypto';
import { Database } from '../../runtime/db/pool';
import { type JobOutcome, runJob } from '../../runtime/host/job-runner';
import { KernelFunctionStarter } from '../../runtime/host/kernel-function-starter';
import { KernelHost, type KernelHostOptions } from '../../runtime/host/kernel-host';
import { SCHEDULE, type ScheduledJob } from '../../runtime/host/schedule';
import { openGuestDatabase } from '../../runtime/host/user-sql';
import { KeyRing } from '../../runtime/ledger/keys/key-ring';
import { seed } from '../../runtime/ledger/seed';
import type { SpanWriter } from '../../runtime/ledger/span-writer';
import { silentLogger } from '../../runtime/log/logger';
import { SandboxPool } from '../../runtime/sandbox';
import { assembleStage0 } from '../../runtime/stage0/assemble-stage0';
import { withClient } from './sql-session';
import { createTestDatabase, type TestDatabase } from './test-database';
import { type Answer, type CallOptions, requestOf } from './test-stage0';

/** Stage-0 with seeds and all kernels on a database of its own; tests run the ticks. */
export interface TestKernels {
  readonly database: TestDatabase;
  readonly pool: Database;
  /** Connection as `logline_kernel`. */
  readonly kernelDatabase: Database;
  readonly writer: SpanWriter;
  readonly host: KernelHost;
  readonly key: SigningKey;
  call(path: string, options?: CallOptions): Promise<Answer>;
  token(user: string, tenant: string, scope?: readonly (typeof SCOPES)[number][]): Promise<string>;
  /** Runs a statement as superuser, to inspect or prepare state. */
  look(text: string, values?: readonly unknown[]): Promise<QueryResult>;
  /** Runs a scheduled job once. */
  tick(job: ScheduledJob['job'], event?: JsonValue): Promise<JobOutcome>;
  /** Appends a version of the manifest with these metadata members changed. */
  changeManifest(changes: Readonly<Record<string, JsonValue>>): Promise<void>;
  close(): Promise<void>;
}

export type TestKernelsOptions = Partial<
  Pick<KernelHostOptions, 'fetch' | 'secrets' | 'invoker' | 'guestReader'>
> & {
  /** Defaults to a fresh one, dropped at the end. */
  readonly database?: TestDatabase;
  readonly key?: SigningKey;
};

/** Builds the parts of `npm start`, without socket and ticker. */
export async function createTestKernels(options: TestKernelsOptions = {}): Promise<TestKernels> {
  await cryptoReady();
  const database = options.database ?? (await createTestDatabase());
  const key = options.key ?? generateSigningKey();
  const ring = new KeyRing([key]);
  const pool = new Database({ connectionString: database.appUrl, poolSize: 12 });
  const guest = openGuestDatabase({ connectionString: database.urls.guest });
  const kernelDatabase = new Database({ connectionString: database.urls.kernel, poolSize: 6 });
  const sandbox = new SandboxPool({ size: 4 });
  const logger = silentLogger();
  const parts: { host?: KernelHost } = {};
  const { app, writer } = assembleStage0({
    database: pool,
    keys: () => ring,
    logger,
    functions: (spanWriter) => {
      parts.host = new KernelHost({
        database: pool,
        guest,
        guestReader: options.guestReader,
        kernelDatabase,
        writer: spanWriter,
        keys: () => ring,
        sandbox,
        logger,
        fetch: options.fetch ?? (() => Promise.reject(new Error('this test calls nothing outside'))),
        secrets: options.secrets ?? { get: async () => undefined },
        ...(options.invoker === undefined ? {} : { invoker: options.invoker }),
      });
      return new KernelFunctionStarter({
        database: pool,
        writer: spanWriter,
        guard: parts.host.guard,
        invoker: parts.host,
      });
    },
  });
  const { host } = parts;
  if (host === undefined) throw new Error('no kernels were assembled');
  await seed({ database: pool, writer, keys: ring });
  const token: TestKernels['token'] = (user, tenant, scope = SCOPES) =>
    mintToken(key, { sub: user, tenant, scope, ttlSeconds: 3600 });
  const call: TestKernels['call'] = async (path, request = {}) => {
    const response = await app.request(`http://localhost${path}`, requestOf(request));
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
  };
  return {
    database,
    kernelDatabase,
    pool,
    writer,
    host,
    key,
    call,
    token,
    look: (text, values = []) =>
      withClient(database.superuserUrl, (client) => client.query(text, [...values])),
    tick(name, event = { trigger: 'schedule' }) {
      const job = SCHEDULE.find((one) => one.job === name);
      if (job === undefined) throw new Error(`no job ${name}`);
      return runJob({ kernelDatabase, host, logger }, job, event);
    },
    async changeManifest(changes) {
      const system = await token('system', 'system');
      const { body } = await call('/api/manifest/kernel_manifest', { token: system });
      const { id, seq, entity_type, who, this: what, name, visibility, metadata } = body.manifest;
      const changed = {
        id,
        seq: seq + 1,
        entity_type,
        who,
        this: what,
        name,
        visibility,
        metadata: { ...metadata, ...changes },
      };
      const answer = await call('/api/spans', { token: system, body: changed });
      if (answer.status !== 201) throw new Error(`the manifest was refused: ${JSON.stringify(answer.body)}`);
      host.guard.forget();
    },
    async close() {
      await sandbox.close();
      await guest.close();
      await pool.close();
      await kernelDatabase.close();
      if (options.database === undefined) await database.drop();
    },
  };
}

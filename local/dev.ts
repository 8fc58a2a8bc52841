import { SCOPES } from '../runtime/auth';
import { mintToken } from '../runtime/auth/token';
import { analyzeLedger } from '../runtime/db/analyze-ledger';
import { migrate } from '../runtime/db/migrate';
import type { Settings } from '../runtime/settings';
import { type DataDirectory, dataDirectory, prepareDataDirectory } from './data-directory';
import { devSettings } from './dev-settings';
import { keepHeapSmall } from './heap';
import { type HttpHost, openHttpHost } from './http-host';
import { IdleCollection } from './idle-collection';
import { KernelProcess } from './kernel-process';
import { loadOrCreateKeys } from './keys';
import { type Ledger, openLedger } from './ledger';
import { checkLedgerKeys } from './ledger-keys';
import { LiveKeys } from './live-keys';
import { openLocalDatabase } from './local-database';
import { OperatorError } from './operator-error';
import { noticeRestore } from './restore-notice';
import { type RunLock, takeRunLock } from './run-lock';
import { openRunLog } from './run-log';
import { StopSignal } from './stop-signal';
import { startWatching } from './watch';

/** Milliseconds for running requests after Ctrl-C. */
const DRAIN_MS = 5_000;
const DEV_TOKEN_TTL_SECONDS = 7 * 24 * 3600;
/** Lifetime of the link's token in seconds; short, because links end up in histories and chats. */
const LINK_TOKEN_TTL_SECONDS = 3600;
const FORCED_EXIT_CODE = 130;

/** Dependencies of a local run. */
export interface DevOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Returns program and arguments that start the kernel process on a data folder; see kernel-house.ts. */
  readonly kernels: (folder: string) => readonly [string, ...string[]];
  /** Prints a line for the user. */
  readonly print: (line: string) => void;
  /** Prints a warning for the user. */
  readonly warn: (line: string) => void;
}

/** A clean-up step. Steps run in reverse order of start, even when one fails. */
type Closer = () => Promise<void> | void;

/**
 * `npm start`: database, migrations, seeds, keys and API in this process, kernels, sandboxes and schedule in one of
 * their own, until a signal stops them.
 * @throws OperatorError when it cannot start
 */
export async function runDev({ env = process.env, kernels, print, warn }: DevOptions): Promise<void> {
  const settings = devSettings(env);
  const data = dataDirectory(env);
  // The guard process stops the database when this process exits.
  const stop = new StopSignal(() => process.exit(FORCED_EXIT_CODE));
  const closers: Closer[] = [];
  let http: HttpHost | undefined;
  let failure: string | undefined;
  try {
    await prepareDataDirectory(data);
    const lock = await takeRunLock(data);
    closers.push(() => lock.release());
    const host = await openHttpHost(settings.port, settings.host);
    http = host;
    await untilStopped(stop, async () => {
      await startLedger({
        data,
        lock,
        kernels: kernels(data.path),
        stop,
        closers,
        http: host,
        databaseUrl: settings.databaseUrl,
        databaseReadUrl: settings.databaseReadUrl,
        rolePrefix: settings.rolePrefix,
        settings: settings.runtime,
        metricsPort: settings.metricsPort,
        otlpEndpoint: settings.otlpEndpoint,
        print,
        warn,
        fail,
      });
    });
    await stop.requested;
    print('Stopping.');
  } finally {
    await http?.close(DRAIN_MS);
    for (const close of closers.reverse()) await close();
    stop.dispose();
  }
  if (failure !== undefined) throw new OperatorError(failure);

  function fail(message: string): void {
    failure ??= message;
    stop.request();
  }
}

/** Ignores errors of a start that Ctrl-C interrupted. */
async function untilStopped(stop: StopSignal, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!stop.isRequested) throw error;
  }
}

interface StartContext {
  readonly data: DataDirectory;
  readonly lock: RunLock;
  readonly kernels: readonly [string, ...string[]];
  readonly stop: StopSignal;
  readonly closers: Closer[];
  readonly http: HttpHost;
  readonly databaseUrl: string | undefined;
  readonly databaseReadUrl: string | undefined;
  readonly rolePrefix: string;
  readonly settings: Settings;
  readonly metricsPort: number | undefined;
  readonly otlpEndpoint: string | undefined;
  readonly print: (line: string) => void;
  readonly warn: (line: string) => void;
  readonly fail: (message: string) => void;
}

async function startLedger(context: StartContext): Promise<void> {
  const { data, closers, http, print } = context;
  const keys = await loadOrCreateKeys(data);
  const log = openRunLog(data.log, context.warn);
  closers.push(() => log.close());
  const onProgress = (message: string): void => {
    log.logger.info(message);
    print(`  ${message}`);
  };
  const database = await openLocalDatabase({
    data,
    keys,
    url: context.databaseUrl,
    readUrl: context.databaseReadUrl,
    limits: context.settings.database,
    rolePrefix: context.rolePrefix,
    onProgress,
    onTrouble(message, fatal) {
      log.logger.error(message);
      context.warn(message);
      if (fatal) context.fail(message);
    },
  });
  closers.push(() => database.stop());
  if (context.stop.isRequested) return;
  // Started early, so that it loads its code while the database is migrated.
  const kernels = new KernelProcess({
    command: context.kernels,
    logger: log.logger,
    onTrouble(message) {
      log.logger.error(message);
      context.warn(message);
    },
  });
  closers.push(() => kernels.stop());
  await checkLedgerKeys(database.admin, keys.ring);
  const applied = await migrate({
    admin: database.admin,
    passwords: keys.passwords,
    rolePrefix: context.rolePrefix,
    onProgress: (message) => log.logger.info(message),
  });
  if (applied.length > 0) print(`  applied ${applied.length} migrations`);
  const restoreNeeded = await noticeRestore(data, database.as.sealer);
  if (restoreNeeded !== undefined) {
    log.logger.error({ code: 'restore_needed' }, restoreNeeded);
    context.warn(restoreNeeded);
  }
  const live = new LiveKeys({
    data,
    keys,
    onChange: (ring) => log.logger.info({ public_key: ring.current.publicKeyHex }, 'instance keys changed'),
    onTrouble(message) {
      log.logger.error(message);
      context.warn(message);
    },
  });
  const opened: { ledger?: Ledger } = {};
  const watch = await startWatching({
    metricsPort: context.metricsPort,
    otlpEndpoint: context.otlpEndpoint,
    auditor: database.as.auditor,
    pool: () => opened.ledger?.database,
    onTrouble: context.warn,
  });
  closers.push(() => watch.close());
  kernels.onRun = watch.onRun;
  const ledger = await openLedger({
    onRequest: watch.onRequest,
    newSpanId: watch.newSpanId,
    database,
    keys: () => live.ring(),
    logger: log.logger,
    invoker: kernels,
    isReady: () => kernels.isReady(),
    onCommit(batches) {
      kernels.committed();
      watch.onCommit?.(batches);
    },
    settings: context.settings,
    plants: restoreNeeded === undefined,
    onProgress: (message) => log.logger.info(message),
  });
  opened.ledger = ledger;
  closers.push(() => ledger.close());
  if (applied.length > 0) await analyzeLedger(database.admin);
  await kernels.begin({
    type: 'start',
    database: database.as,
    guestReader: database.reader?.guest,
    isEmbedded: database.port !== undefined,
  });
  if (context.stop.isRequested) return;
  keepHeapSmall();
  const idle = IdleCollection.start();
  closers.push(() => idle.stop());
  http.serve(ledger.fetch, ledger.tenantOf);
  await context.lock.publish({ url: http.url, postgresPort: database.port });
  const mint = (ttlSeconds: number): Promise<string> =>
    mintToken(keys.signingKey, { sub: 'dev', tenant: 'dev', scope: SCOPES, ttlSeconds });
  const token = await mint(DEV_TOKEN_TTL_SECONDS);
  const link = context.settings.explorer
    ? `${http.url}/explorer/#token=${await mint(LINK_TOKEN_TTL_SECONDS)}`
    : undefined;
  log.logger.info({ url: http.url, pid: process.pid, database: database.description }, 'ready');
  for (const line of welcome({
    url: http.url,
    token,
    link,
    data,
    database: database.description,
    metrics: watch.metricsUrl,
  }))
    print(line);
}

interface Welcome {
  readonly url: string;
  readonly token: string;
  /** Link to the explorer; undefined when it is switched off. */
  readonly link: string | undefined;
  readonly data: DataDirectory;
  readonly database: string;
  readonly metrics: string | undefined;
}

function welcome({ url, token, link, data, database, metrics }: Welcome): string[] {
  const span = JSON.stringify({ entity_type: 'note', who: 'dev', did: 'wrote', this: 'hello, ledger' });
  return [
    '',
    `LogLine is running at ${url}`,
    '',
    `  data      ${data.path}`,
    `  database  ${database} (npx logline connect)`,
    `  log       ${data.log}`,
    ...(metrics === undefined ? [] : [`  metrics   ${metrics}`]),
    '',
    ...(link === undefined ? [] : ['Explorer for user dev in tenant dev, valid for an hour:', '', link, '']),
    'Token for user dev in tenant dev, valid for 7 days:',
    '',
    token,
    '',
    'Append a span:',
    '',
    `curl -sS ${url}/api/spans -H 'content-type: application/json' -H 'authorization: Bearer ${token}' -d '${span}'`,
    '',
    'Read it back:',
    '',
    `curl -sS '${url}/api/timeline?limit=10' -H 'authorization: Bearer ${token}'`,
    '',
    'Ctrl-C stops it.',
  ];
}

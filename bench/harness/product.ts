import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import LONG_RUN from '../../cli/long-run.json';
import { type DataDirectory, dataDirectory } from '../../local/data-directory';
import { type LocalKeys, loadOrCreateKeys } from '../../local/keys';
import { SCOPES, type Scope } from '../../runtime/auth';
import { mintToken } from '../../runtime/auth/token';
import type { BenchDatabase } from './cluster';
import { treeCpuSeconds } from './cpu-time';
import { HelperProcess, type ProcessUse } from './helper-process';

/** LogLine as `npm start` runs it, on a database of the bench. */
export interface Product {
  readonly port: number;
  readonly url: string;
  token(user: string, tenant: string, scope?: readonly Scope[]): Promise<string>;
  /** Of the process that serves. */
  use(): Promise<ProcessUse>;
  /** Processor seconds of all its processes, the database's apart; undefined where the system does not say. */
  cpuSeconds(): number | undefined;
  stop(): Promise<void>;
}

/**
 * @param nodeArgs options of Node, such as for profiling
 * @param file the program; defaults to the product
 */
export async function startProduct(
  database: BenchDatabase,
  nodeArgs: readonly string[] = [],
  file = 'product-process.ts',
): Promise<Product> {
  // The rollback guard lies beside the data folder.
  const place = await mkdtemp(path.join(tmpdir(), 'logline-bench-data-'));
  const folder = path.join(place, 'data');
  await mkdir(folder);
  const env = {
    ...LONG_RUN.env,
    DATABASE_URL: database.ownerUrl,
    LOGLINE_ROLE_PREFIX: database.name,
    LOGLINE_DATA: folder,
    PORT: '0',
    HOST: '127.0.0.1',
  };
  const { signingKey } = await keysWithPassword(dataDirectory(env), database.appPassword);
  const child = new HelperProcess(file, { env, nodeArgs: [...LONG_RUN.args, ...nodeArgs] });
  const welcome = await child.call<string>('welcome');
  const [, port = ''] = /running at http:\/\/127\.0\.0\.1:(\d+)/.exec(welcome) ?? [];
  return {
    port: Number(port),
    url: `http://127.0.0.1:${port}`,
    token: (user, tenant, scope = SCOPES) =>
      mintToken(signingKey, { sub: user, tenant, scope, ttlSeconds: 24 * 3600 }),
    use: () => child.call<ProcessUse>('use'),
    cpuSeconds: () => (child.pid === undefined ? undefined : treeCpuSeconds(child.pid)),
    async stop() {
      await child.stop();
      await rm(place, { recursive: true, force: true });
    },
  };
}

/** Keys with this run's shared password for app and kernels. */
async function keysWithPassword(data: DataDirectory, appPassword: string): Promise<LocalKeys> {
  const made = await loadOrCreateKeys(data);
  const text = await readFile(data.keys, 'utf8');
  await writeFile(
    data.keys,
    text.replace(made.passwords.app, appPassword).replace(made.passwords.kernel, appPassword),
  );
  return loadOrCreateKeys(data);
}

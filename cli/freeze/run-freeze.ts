import { OperatorError } from '../../local/operator-error';
import { isName } from '../../runtime/base/name';
import { connectAdmin } from '../../runtime/db/admin-client';
import { unreachable } from '../local-ledger';
import { localDatabaseUrl, ownDatabaseUrl } from '../open-database';
import { resolveTarget, type TargetOptions } from '../target';
import { apiFreezer } from './api-freezer';
import { databaseFreezer, type Freezer, freezeTenant, thawTenant } from './frozen-tenant';

/** Options of `logline freeze` and `thaw`. */
export interface FreezeOptions extends TargetOptions {
  readonly tenant: string;
  /** Time limit in seconds. */
  readonly wait?: string;
}

const MAX_WAIT_SECONDS = 3_600;
const DEFAULT_WAIT_SECONDS = 60;

/** Stops the writes of a tenant. */
export async function runFreeze(options: FreezeOptions): Promise<void> {
  const { tenant, wait } = options;
  const waitSeconds = wait === undefined ? DEFAULT_WAIT_SECONDS : Number(wait);
  if (!(Number.isInteger(waitSeconds) && waitSeconds >= 0 && waitSeconds <= MAX_WAIT_SECONDS))
    throw new OperatorError(`--wait takes seconds, 0 to ${MAX_WAIT_SECONDS}`, { exitCode: 2 });
  await withFreezer(options, (freezer) => freezeTenant(freezer, tenant, waitSeconds));
  process.stdout.write(
    `tenant ${tenant} is frozen: it can be read, writes answer 503, nothing of it runs\n` +
      `take that back with: npx logline thaw --tenant ${tenant}${placeOf(options)}\n`,
  );
}

/** Allows the writes of a tenant again. */
export async function runThaw(options: FreezeOptions): Promise<void> {
  const { tenant } = options;
  const wasFrozen = await withFreezer(options, (freezer) => thawTenant(freezer, tenant));
  process.stdout.write(
    wasFrozen
      ? `tenant ${tenant} writes again, and its open work resumes\n`
      : `tenant ${tenant} was not frozen\n`,
  );
}

function placeOf({ url, stack }: FreezeOptions): string {
  if (stack !== undefined) return ` --stack ${stack}`;
  return url === undefined ? '' : ` --url ${url}`;
}

async function withFreezer<T>(options: FreezeOptions, work: (freezer: Freezer) => Promise<T>): Promise<T> {
  const { tenant, url, stack } = options;
  if (!isName(tenant) || tenant === 'system')
    throw new OperatorError('--tenant must name a tenant other than system', { exitCode: 2 });
  return url === undefined && stack === undefined ? withDatabase(work) : work(await apiOf(options));
}

/** @throws OperatorError (exit code 2) without a token, and nothing to make one with */
async function apiOf(options: FreezeOptions): Promise<Freezer> {
  const hasToken = Boolean(options.token ?? process.env.LOGLINE_TOKEN);
  const target = await resolveTarget(options);
  if (!hasToken && !target.isLocal && options.stack === undefined)
    throw new OperatorError(`a token is needed for ${options.url}; give --token`, { exitCode: 2 });
  return apiFreezer(target, hasToken);
}

async function withDatabase<T>(work: (freezer: Freezer) => Promise<T>): Promise<T> {
  const databaseUrl = ownDatabaseUrl() ?? (await localDatabaseUrl('owner'));
  const client = await connectAdmin({ connectionString: databaseUrl }).catch((cause) => {
    throw unreachable(databaseUrl, cause);
  });
  try {
    return await work(databaseFreezer(client));
  } finally {
    await client.end();
  }
}

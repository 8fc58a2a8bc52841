import type { Client } from 'pg';
import { OperatorError } from '../../local/operator-error';
import { isName } from '../../runtime/base/name';
import { connectAdmin } from '../../runtime/db/admin-client';
import { unreachable } from '../local-ledger';
import { localDatabaseUrl, ownDatabaseUrl } from '../open-database';
import { freezeTenant, thawTenant } from './frozen-tenant';

export interface FreezeOptions {
  readonly tenant: string;
  /** Time limit in seconds. */
  readonly wait?: string;
}

const MAX_WAIT_SECONDS = 3_600;
const DEFAULT_WAIT_SECONDS = 60;

/** Stops the writes of a tenant. */
export async function runFreeze({ tenant, wait }: FreezeOptions): Promise<void> {
  const waitSeconds = wait === undefined ? DEFAULT_WAIT_SECONDS : Number(wait);
  if (!(Number.isInteger(waitSeconds) && waitSeconds >= 0 && waitSeconds <= MAX_WAIT_SECONDS))
    throw new OperatorError(`--wait takes seconds, 0 to ${MAX_WAIT_SECONDS}`, { exitCode: 2 });
  await asOwner(tenant, (client) => freezeTenant(client, tenant, waitSeconds));
  process.stdout.write(
    `tenant ${tenant} is frozen: it can be read, writes answer 503, nothing of it runs\n` +
      `take that back with: npx logline thaw --tenant ${tenant}\n`,
  );
}

/** Allows the writes of a tenant again. */
export async function runThaw({ tenant }: FreezeOptions): Promise<void> {
  const wasFrozen = await asOwner(tenant, (client) => thawTenant(client, tenant));
  process.stdout.write(
    wasFrozen
      ? `tenant ${tenant} writes again, and its open work goes on\n`
      : `tenant ${tenant} was not frozen\n`,
  );
}

async function asOwner<T>(tenant: string, work: (client: Client) => Promise<T>): Promise<T> {
  if (!isName(tenant) || tenant === 'system')
    throw new OperatorError('--tenant must name a tenant other than system', { exitCode: 2 });
  const url = ownDatabaseUrl() ?? (await localDatabaseUrl('owner'));
  const client = await connectAdmin({ connectionString: url }).catch((cause) => {
    throw unreachable(url, cause);
  });
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

import { NOBODY } from '../base/identity';
import { KERNEL_MANIFEST_ID } from '../kernels/stable-ids';
import { parseManifest } from '../ledger/manifest';
import { readLatest } from '../ledger/span-reader';
import { readTenantStatus } from '../ledger/tenant-status';
import { callerOf, json } from './answer';
import { identityOf } from './authenticate';
import type { Handler } from './handlers';
import type { Stage0 } from './stage0';

/** `GET /api/status`: how the caller's tenant is doing. */
export const readStatus: Handler = async (stage0, { caller }) => {
  const limit = await readLimit(stage0);
  return json(200, await readTenantStatus(stage0.database, identityOf(callerOf(caller)), limit));
};

async function readLimit({ database, trustedKeys }: Stage0): Promise<number | null> {
  const manifest = await readLatest(database, NOBODY, KERNEL_MANIFEST_ID);
  try {
    return parseManifest(manifest, trustedKeys()).perTenantDailyExecLimit;
  } catch {
    return null; // Whoever runs something is told why.
  }
}

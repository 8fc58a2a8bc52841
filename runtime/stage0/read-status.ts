import { NOBODY } from '../base/identity';
import { KERNEL_MANIFEST_ID } from '../kernels/stable-ids';
import { parseManifest } from '../ledger/manifest';
import { readLatest } from '../ledger/span-reader';
import { type DailyLimits, readTenantStatus } from '../ledger/tenant-status';
import { callerOf, json } from './answer';
import { identityOf } from './authenticate';
import type { Handler } from './handlers';
import { withReadShare } from './read-share';
import type { Stage0 } from './stage0';

/** `GET /api/status`: how the caller's tenant is doing. */
export const readStatus: Handler = async (stage0, { caller }) => {
  const identity = identityOf(callerOf(caller));
  return withReadShare(stage0, identity, async () =>
    json(200, await readTenantStatus(stage0.database, identity, await readLimits(stage0))),
  );
};

async function readLimits({ database, trustedKeys }: Stage0): Promise<DailyLimits> {
  const manifest = await readLatest(database, NOBODY, KERNEL_MANIFEST_ID);
  try {
    const { perTenantDailyExecLimit, perTenantDailyCpuMs } = parseManifest(manifest, trustedKeys());
    return { runs: perTenantDailyExecLimit, cpuMs: perTenantDailyCpuMs ?? null };
  } catch {
    return { runs: null, cpuMs: null }; // Whoever runs something is told why.
  }
}

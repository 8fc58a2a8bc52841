import { generateSigningKey } from '../../runtime/crypto';
import { Database } from '../../runtime/db/pool';
import { type AuditMismatch, Auditor } from '../../runtime/proofs/auditor';
import type { CheckpointKeys } from '../../runtime/proofs/checkpoint-keys';
import { LogReader } from '../../runtime/proofs/log-reader';
import type { GuardRecord, GuardStore } from '../../runtime/proofs/rollback-guard';
import { Sealer, type SealerOptions } from '../../runtime/proofs/sealer';
import { createTestStage0, type TestStage0 } from './test-stage0';

/** A rollback guard in memory. */
export class MemoryGuard implements GuardStore {
  record: GuardRecord | undefined;

  async read(): Promise<GuardRecord | undefined> {
    return this.record;
  }

  async swap(before: GuardRecord | undefined, after: GuardRecord): Promise<boolean> {
    if (JSON.stringify(before) !== JSON.stringify(this.record)) return false;
    this.record = after;
    return true;
  }
}

export const TEST_INSTANCE = 'logline.test';

/** Stage-0 with sealing and auditing, which tests run explicitly. */
export interface TestLog {
  readonly stage0: TestStage0;
  readonly keys: CheckpointKeys;
  readonly guard: MemoryGuard;
  readonly auditor: Auditor;
  readonly mismatches: AuditMismatch[];
  sealer(options?: Partial<SealerOptions>): Sealer;
  /** Seals everything that is committed; returns the number of spans. */
  seal(): Promise<number>;
  /** Audits everything that is sealed. */
  audit(): Promise<number>;
  reader(tenant: string): LogReader;
  close(): Promise<void>;
}

export async function createTestLog(): Promise<TestLog> {
  const stage0 = await createTestStage0();
  const { urls } = stage0.database;
  const sealing = new Database({ connectionString: urls.sealer, poolSize: 3 });
  const auditing = new Database({ connectionString: urls.auditor, poolSize: 2 });
  const keys = { current: generateSigningKey(), along: [] };
  const guard = new MemoryGuard();
  const mismatches: AuditMismatch[] = [];
  const auditor = new Auditor({
    database: auditing,
    keys: () => [stage0.key],
    onMismatch: (mismatch) => mismatches.push(mismatch),
  });
  const sealer = (options: Partial<SealerOptions> = {}): Sealer =>
    new Sealer({ database: sealing, keys: () => keys, instance: TEST_INSTANCE, guard, ...options });
  const usual = sealer();
  return {
    stage0,
    keys,
    guard,
    auditor,
    mismatches,
    sealer,
    async seal() {
      let sealed = 0;
      for (;;) {
        const outcome = await usual.sealBatch();
        if (outcome.outcome === 'nothing') return sealed;
        if (outcome.outcome !== 'sealed') throw new Error(`sealing ended with ${outcome.outcome}`);
        sealed += outcome.spans;
      }
    },
    async audit() {
      let audited = 0;
      for (let count = 1; count > 0; audited += count) count = await auditor.auditBatch(1_000);
      return audited;
    },
    reader: (tenant) => new LogReader(stage0.pool, tenant),
    async close() {
      await sealing.close();
      await auditing.close();
      await stage0.close();
    },
  };
}

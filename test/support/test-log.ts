import assert from 'node:assert/strict';
import { generateSigningKey, hex } from '../../runtime/crypto';
import { sha256 } from '../../runtime/crypto/sha256';
import { Database } from '../../runtime/db/pool';
import { type AuditMismatch, Auditor } from '../../runtime/proofs/auditor';
import type { CheckpointKeys } from '../../runtime/proofs/checkpoint-keys';
import { Frontier } from '../../runtime/proofs/frontier';
import { type LeafSource, leafHashOf } from '../../runtime/proofs/leaf';
import { LogReader } from '../../runtime/proofs/log-reader';
import type { GuardRecord, GuardStore } from '../../runtime/proofs/rollback-guard';
import { Sealer, type SealerOptions } from '../../runtime/proofs/sealer';
import { withClient } from './sql-session';
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

export interface LogEntry extends LeafSource {
  readonly position: number;
}

const NOTE = { entity_type: 'note', who: 'alice', this: 'a thing' };

/** Stage-0 with sealing and auditing, which tests run explicitly. */
export interface TestLog {
  readonly stage0: TestStage0;
  readonly keys: CheckpointKeys;
  readonly guard: MemoryGuard;
  readonly auditor: Auditor;
  readonly mismatches: AuditMismatch[];
  sealer(options?: Partial<SealerOptions>): Sealer;
  /** Appends notes. The user defaults to alice. */
  append(tenant: string, count: number, user?: string): Promise<void>;
  /** What the tenant's log holds, by position. */
  entriesOf(tenant: string): Promise<LogEntry[]>;
  /** The tenant's spans in commit order. */
  feedOf(tenant: string): Promise<LeafSource[]>;
  /** Asserts that the log is the feed, entry by entry, and that the newest checkpoint has its root. */
  assertSealed(tenant: string): Promise<void>;
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
  const reader = (tenant: string): LogReader => new LogReader(stage0.pool, tenant);
  const rowsOf = (sql: string, tenant: string) =>
    withClient(stage0.database.superuserUrl, async (client) => (await client.query(sql, [tenant])).rows);
  const entriesOf = (tenant: string): Promise<LogEntry[]> =>
    rowsOf(
      `SELECT e.position::int AS position, e.id, e.seq, encode(e.curr_hash, 'hex') AS curr_hash
         FROM ledger.log_entry e JOIN ledger.log l USING (log_no) WHERE l.tenant_id = $1 ORDER BY position`,
      tenant,
    );
  const feedOf = (tenant: string): Promise<LeafSource[]> =>
    rowsOf(
      'SELECT id, seq, curr_hash FROM ledger.universal_registry WHERE tenant_id = $1 ORDER BY tx_id, ordinal',
      tenant,
    );
  return {
    stage0,
    keys,
    guard,
    auditor,
    mismatches,
    sealer,
    async append(tenant, count, user = 'alice') {
      const drafts = Array.from({ length: count }, () => NOTE);
      for (let at = 0; at < count; at += 1_000) {
        await stage0.writer.append({ user, tenant }, drafts.slice(at, at + 1_000));
      }
    },
    entriesOf,
    feedOf,
    async assertSealed(tenant) {
      const entries = await entriesOf(tenant);
      const feed = await feedOf(tenant);
      assert.deepEqual(
        entries.map(({ position }) => position),
        entries.map((_, index) => index),
      );
      assert.deepEqual(
        entries.map(({ position: _, ...leaf }) => leaf),
        feed,
      );
      const checkpoint = await reader(tenant).checkpoint();
      assert.equal(checkpoint.size, feed.length);
      assert.equal(hex(checkpoint.root), rootOf(feed));
    },
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
    reader,
    async close() {
      await sealing.close();
      await auditing.close();
      await stage0.close();
    },
  };
}

/** RFC 9162 section 2.1.1, in hex. */
function rootOf(leaves: readonly LeafSource[]): string {
  const frontier = new Frontier(sha256);
  for (const leaf of leaves) frontier.add(leafHashOf(sha256, leaf));
  return hex(frontier.root());
}

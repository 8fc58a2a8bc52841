import type { Client } from 'pg';
import { UnavailableError } from '../base/errors';
import { connectAdmin } from '../db/admin-client';
import type { DatabaseOptions } from '../db/database-options';
import { moveCounter } from '../db/move-counter';
import type { SpanWriter } from '../ledger/span-writer';
import { beginEpoch } from '../proofs/begin-epoch';
import { judge } from '../proofs/rollback-guard';
import { SEAL_LOCK, SealStore } from '../proofs/seal-store';
import { type LostBatches, tellLogs } from '../proofs/tell-logs';
import { databaseAs, type LambdaRuntime } from './lambda-runtime';
import { S3Bucket } from './s3-bucket';
import { S3Guard } from './s3-guard';

/** The progress of a restore. */
export interface RestoredStack {
  /** Transaction ids left to consume; if more than 0, nothing else has happened and another call has to continue. */
  readonly ids_left: number;
  /** Sealed batches that only the rollback guard knows of; null when there is no guard. */
  readonly lost: LostBatches | null;
  /** Number of logs that continue under a new name, which a span in each of them records. */
  readonly renamed_logs: number;
}

/** Time for consuming ids in one call; a Lambda runs 15 minutes at most. */
const MOVE_MS = 600_000;
/** Statement and lock timeouts of the owner: consuming ids takes long, and the new epoch waits for appends to end. */
const PATIENT = { statementTimeoutMs: 0, lockTimeoutMs: 60_000, idleInTransactionTimeoutMs: 0 } as const;

/**
 * Finishes the restore of a stack's database, as `logline restore` does for a local one: moves the transaction counter
 * above every stored id, begins a new feed epoch, updates the rollback guard, and continues logs that may have lost signed
 * entries under a new name. Changes no span, and needs no downtime.
 * @param admin as the owner of the schema, which every migration has
 * @param append as the instance
 * @throws UnavailableError when a sealer runs at the same time; nothing has happened then
 */
export async function settleRestored(
  runtime: LambdaRuntime,
  admin: DatabaseOptions,
  append: SpanWriter['append'],
): Promise<RestoredStack> {
  const { logger, database, environment } = runtime;
  const client = await connectAdmin({ ...admin, ...PATIENT });
  let lost: LostBatches | undefined;
  try {
    const least = await noticeAhead(client);
    const untilMs = Date.now() + MOVE_MS;
    const left = await moveCounter(client, least, (ids) => logger.info({ ids }, 'moving ids'), untilMs);
    if (left > 0n) return { ids_left: Number(left), lost: null, renamed_logs: 0 };
    lost = await beginNewEpoch(client, environment.proofsBucket);
  } finally {
    await client.end();
  }
  if (environment.proofsBucket === undefined) return { ids_left: 0, lost: null, renamed_logs: 0 };
  const sealing = databaseAs('sealer', runtime, 1);
  try {
    const onProgress = (logs: number) => logger.info({ logs }, 'told');
    const renamed = await tellLogs({ sealing, database, append, lost, onProgress });
    return { ids_left: 0, lost: lost ?? null, renamed_logs: renamed };
  } finally {
    await sealing.close();
  }
}

/**
 * Records that stored ids are ahead of this server's counter, so that nothing is appended while the counter is moved.
 * @returns an id above every stored one
 */
async function noticeAhead(client: Client): Promise<bigint> {
  await client.query('BEGIN');
  // Forced row-level security also hides the spans from their owner. The lock is short, and the change is rolled back.
  await client.query('ALTER TABLE ledger.universal_registry NO FORCE ROW LEVEL SECURITY');
  const { rows } = await client.query<{ tx_id: string; ordinal: string; ahead: boolean }>(
    `SELECT tx_id::text, ordinal::text, tx_id >= pg_snapshot_xmax(pg_current_snapshot()) AS ahead
       FROM ledger.universal_registry ORDER BY tx_id DESC, ordinal DESC LIMIT 1`,
  );
  await client.query('ROLLBACK');
  const [last] = rows;
  if (last?.ahead === true)
    await client.query(
      `INSERT INTO app.restore_needed (is_ahead, survived_tx_id, survived_ordinal) VALUES (true, $1, $2)
       ON CONFLICT DO NOTHING`,
      [last.tx_id, last.ordinal],
    );
  return BigInt(last?.tx_id ?? '0') + 1n;
}

/** Begins the epoch under the sealing lock. The guard is written first: after a crash, the mismatch requires a restore again. */
async function beginNewEpoch(client: Client, bucket: string | undefined): Promise<LostBatches | undefined> {
  const guard = bucket === undefined ? undefined : new S3Guard(new S3Bucket(bucket));
  const store = new SealStore(client);
  await client.query('BEGIN');
  await client.query('SELECT pg_advisory_xact_lock($1)', [SEAL_LOCK]);
  const { record, epochs } = await store.cursor();
  const before = await guard?.read();
  // Spans may have been appended before the sealer noticed: the epoch then begins after what was sealed.
  if (judge(record, before, epochs) === 'behind') await store.setRestoreNeeded(true);
  const after = await beginEpoch(client, before);
  if (guard !== undefined && !(await guard.swap(before, after)))
    throw new UnavailableError('The rollback guard was written by somebody else meanwhile; try again.');
  await client.query('COMMIT');
  return before && { batches: Math.max(0, before.batch - record.batch), up_to_tx_id: before.tx_id };
}

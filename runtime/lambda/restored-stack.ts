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

/** How far a restore came. */
export interface RestoredStack {
  /** Transaction ids that are still to be used up: with more than 0 nothing else has happened, and another call goes on. */
  readonly ids_left: number;
  /** What the rollback guard knows beyond the restored state; null when there is no guard. */
  readonly lost: LostBatches | null;
  /** Logs that go on under another name, each of which says so in itself. */
  readonly renamed_logs: number;
}

/** Ids are used up for this long; a Lambda runs 15 minutes at most. */
const MOVE_MS = 600_000;
/** Uses up ids for as long as it takes, and waits for appends to make room for the new epoch. */
const PATIENT = { statementTimeoutMs: 0, lockTimeoutMs: 60_000, idleInTransactionTimeoutMs: 0 } as const;

/**
 * Goes on with a stack whose database was put back, as `logline restore` does with a local one: the transaction counter is
 * moved above every stored id, the feed begins a new epoch, the rollback guard follows it, and logs that may have lost what
 * was signed go on under another name. No row is changed, and nobody has to stop meanwhile.
 * @param admin as the owner of the schema, which every migration has
 * @param append as the instance
 * @throws UnavailableError when somebody seals at the same moment; nothing has happened then
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
    lost = await beginAnew(client, environment.proofsBucket);
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
 * Writes down when stored ids lie in the future of this server, so that nobody appends while the counter moves past them.
 * @returns above every stored id
 */
async function noticeAhead(client: Client): Promise<bigint> {
  await client.query('BEGIN');
  // Forced row-level security hides the spans from their owner too. The lock is short, and the change is taken back.
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

/** Nobody seals meanwhile. The guard is written first: what it announces and the database lacks asks for a restore again. */
async function beginAnew(client: Client, bucket: string | undefined): Promise<LostBatches | undefined> {
  const guard = bucket === undefined ? undefined : new S3Guard(new S3Bucket(bucket));
  const store = new SealStore(client);
  await client.query('BEGIN');
  await client.query('SELECT pg_advisory_xact_lock($1)', [SEAL_LOCK]);
  const { record, epochs } = await store.cursor();
  const before = await guard?.read();
  // Spans may have come before the sealer looked: the epoch then begins behind what was sealed.
  if (judge(record, before, epochs) === 'behind') await store.setRestoreNeeded(true);
  const after = await beginEpoch(client, before);
  if (guard !== undefined && !(await guard.swap(before, after)))
    throw new UnavailableError('The rollback guard was written by somebody else meanwhile; try again.');
  await client.query('COMMIT');
  return before && { batches: Math.max(0, before.batch - record.batch), up_to_tx_id: before.tx_id };
}

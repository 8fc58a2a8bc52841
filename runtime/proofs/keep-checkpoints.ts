import { createHash } from 'node:crypto';
import { type Identity, LOG_USER } from '../base/identity';
import type { Database } from '../db/pool';
import type { SpanDraft } from '../ledger/span-draft';
import type { CheckpointKeys } from './checkpoint-keys';
import { LogReader } from './log-reader';
import { checkpointSpanId } from './sealed-batch';

export interface KeepCheckpointsOptions {
  /** As role `logline_sealer`. */
  readonly sealing: Database;
  /** As role `logline_app`. */
  readonly database: Database;
  readonly keys: CheckpointKeys;
  readonly append: (identity: Identity, drafts: readonly SpanDraft[]) => Promise<unknown>;
  /** Also stores a checkpoint outside the database. */
  readonly keep: (tenant: string, note: string) => Promise<void>;
}

const PAGE = 500;
const MAX_NAME_LENGTH = 150;
/** `YYYY-MM-DD`. */
const PARIS_DATE = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Paris', dateStyle: 'short' });

/** The day, `YYYY-MM-DD`, that checkpoints are kept for: it begins at midnight in Paris. */
export function checkpointDay(now: Date = new Date()): string {
  return PARIS_DATE.format(now);
}

/**
 * File name for a tenant's checkpoint: percent-encoded and short enough for every file system; a long name is truncated
 * and gets a unique suffix.
 */
export function checkpointFile(tenant: string): string {
  const name = encodeURIComponent(tenant).replaceAll('*', '%2A').replace(/^\./, '%2E');
  if (name.length <= MAX_NAME_LENGTH) return `${name}.checkpoint`;
  const tail = createHash('sha256').update(tenant).digest('hex').slice(0, 32);
  return `${name.slice(0, MAX_NAME_LENGTH)}-${tail}.checkpoint`;
}

/**
 * Keeps the newest checkpoint of each log, if it is newer than the last one kept: as a span of the tenant's user
 * `logline`, and outside the database. Idempotent, also after an interruption.
 * @returns number of checkpoints kept
 */
export async function keepCheckpoints(options: KeepCheckpointsOptions): Promise<number> {
  const { sealing } = options;
  let kept = 0;
  let after = 0;
  for (;;) {
    const { rows } = await sealing.pool.query(
      `SELECT h.log_no, l.tenant_id, h.checkpoint_size,
              ledger.log_origin_at(h.log_no, h.checkpoint_size) AS origin
         FROM app.log_head h JOIN ledger.log l USING (log_no)
        WHERE h.log_no > $1 AND h.checkpoint_size > h.kept_size ORDER BY h.log_no LIMIT ${PAGE}`,
      [after],
    );
    for (const row of rows) {
      after = row.log_no;
      await keepOne(options, row.tenant_id, row.origin, Number(row.checkpoint_size));
      await sealing.pool.query('UPDATE app.log_head SET kept_size = $2 WHERE log_no = $1', [
        row.log_no,
        row.checkpoint_size,
      ]);
      kept += 1;
    }
    if (rows.length < PAGE) return kept;
  }
}

async function keepOne(
  { database, keys, append, keep }: KeepCheckpointsOptions,
  tenant: string,
  origin: string,
  size: number,
): Promise<void> {
  const { note } = await new LogReader(database, tenant).checkpoint(size);
  await keep(tenant, note);
  const draft: SpanDraft = {
    id: checkpointSpanId(origin, size, keys),
    seq: 0,
    entity_type: 'checkpoint',
    who: LOG_USER,
    did: 'kept',
    this: origin,
    visibility: 'tenant',
    metadata: { size, checkpoint: note },
  };
  await append({ user: LOG_USER, tenant }, [draft]);
}

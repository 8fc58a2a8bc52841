import { LOG_USER } from '../base/identity';
import type { Database } from '../db/pool';
import type { SpanWriter } from '../ledger/span-writer';
import { namedInstance, originOf } from './checkpoint';
import { LogReader } from './log-reader';
import { SealStore } from './seal-store';

/** The sealed state that the rollback guard recorded after the restored one. */
export interface LostBatches {
  readonly batches: number;
  readonly up_to_tx_id: string;
}

const PAGE = 500;

export interface TellOptions {
  /** As role `logline_sealer`. */
  readonly sealing: Database;
  /** As role `logline_app`, and what appends through it. */
  readonly database: Database;
  readonly append: SpanWriter['append'];
  /** Undefined when there is no rollback guard to tell. */
  readonly lost: LostBatches | undefined;
  readonly onProgress: (logs: number) => void;
}

/**
 * Appends a span to each log that continues under a new name, with its old name, its last surviving checkpoint and what is
 * known to be lost. It is the first span sealed under the new name, except for spans appended concurrently.
 * @returns number of such logs
 */
export async function tellLogs(options: TellOptions): Promise<number> {
  const { sealing, database, append, lost, onProgress } = options;
  const instance = await currentInstance(sealing);
  let told = 0;
  let after = 0;
  for (;;) {
    const { rows } = await sealing.pool.query<RenamedLog>(RENAMED, [after, instance, PAGE]);
    for (const { log_no, tenant_id, origin } of rows) {
      after = log_no;
      const draft = await continuation(database, tenant_id, origin, String(instance), lost);
      await append({ user: LOG_USER, tenant: tenant_id }, [draft]);
      told += 1;
    }
    if (rows.length < PAGE) return told;
    onProgress(told);
  }
}

interface RenamedLog {
  readonly log_no: number;
  readonly tenant_id: string;
  readonly origin: string;
}

/** Logs whose latest name does not begin with the instance's present one. */
const RENAMED = `
  SELECT l.log_no, l.tenant_id, l.origin
    FROM (SELECT log_no, tenant_id, ledger.log_origin_at(log_no, 9223372036854775807) AS origin FROM ledger.log) AS l
   WHERE l.log_no > $1 AND NOT starts_with(l.origin, $2 || '/') ORDER BY l.log_no LIMIT $3`;

/** What names of logs begin with now; null before anything was sealed. */
async function currentInstance(sealing: Database): Promise<string | null> {
  const client = await sealing.connect();
  try {
    const { logName } = await new SealStore(client).cursor();
    const { rows } = await client.query('SELECT origin FROM app.log_instance');
    return rows[0] === undefined ? null : namedInstance(String(rows[0].origin), logName);
  } finally {
    client.release();
  }
}

async function continuation(
  app: Database,
  tenant: string,
  before: string,
  instance: string,
  lost: LostBatches | undefined,
) {
  const last = await new LogReader(app, tenant).checkpoint().catch(() => undefined);
  return {
    entity_type: 'checkpoint',
    who: LOG_USER,
    did: 'renamed',
    this: originOf(instance, tenant),
    visibility: 'tenant',
    metadata: {
      continues: before,
      size: last?.size ?? 0,
      checkpoint: last?.note ?? null,
      lost_batches: lost?.batches ?? null,
    },
  } as const;
}

import type { PoolClient } from 'pg';
import { dataDirectory } from '../../local/data-directory';
import { devSettings } from '../../local/dev-settings';
import { GuardFile, guardPath } from '../../local/guard-file';
import { Database } from '../../runtime/db/pool';
import { auditLogs, type LogAuditReport, type LogFault, removedSpans } from '../../runtime/proofs/log-audit';
import { type GuardRecord, judge } from '../../runtime/proofs/rollback-guard';
import { SealStore } from '../../runtime/proofs/seal-store';
import { localDatabaseUrl } from '../open-database';

/** Options of {@link verifyLocalLogs}. */
export interface VerifyLogsOptions {
  readonly onFault: (fault: LogFault) => void;
  readonly onProgress: (entries: number) => void;
}

/**
 * Verifies the logs of all tenants of the local run against every span, private ones included. Runs as
 * `logline_auditor`, since a token reads only a part of a log.
 */
export async function verifyLocalLogs(options: VerifyLogsOptions): Promise<LogAuditReport> {
  // Read before the snapshot, so that the database can only be ahead of it.
  const announced = await new GuardFile(guardPath(dataDirectory().path)).read();
  return asAuditor(async (client) => {
    const { rows } = await client.query('SELECT public_key FROM app.checkpoint_key');
    const report = await auditLogs(client, {
      checkpointKeys: rows.map(({ public_key }) => String(public_key)),
      ...options,
    });
    const behind = await guardFault(new SealStore(client), announced);
    if (behind === undefined) return report;
    options.onFault(behind);
    return { ...report, faults: report.faults + 1 };
  });
}

/** Positions of a tenant's log in the local run whose span was removed: a token cannot tell them from private spans. */
export async function removedLocally(tenant: string): Promise<readonly LogFault[]> {
  const faults: LogFault[] = [];
  await asAuditor((client) => removedSpans(client, tenant, (fault) => faults.push(fault)));
  return faults;
}

/** One snapshot of the local run's database, as `logline_auditor`. */
async function asAuditor<T>(use: (client: PoolClient) => Promise<T>): Promise<T> {
  const database = new Database({
    ...devSettings().runtime.database,
    connectionString: await localDatabaseUrl('auditor'),
    poolSize: 1,
    statementTimeoutMs: 60_000,
    idleInTransactionTimeoutMs: 600_000,
    applicationName: 'logline verify',
  });
  const client = await database.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const result = await use(client);
    await client.query('COMMIT');
    return result;
  } finally {
    client.release(true);
    await database.close();
  }
}

/** The fault when the rollback guard is ahead of the database. */
async function guardFault(
  store: SealStore,
  announced: GuardRecord | undefined,
): Promise<LogFault | undefined> {
  const { record, epochs } = await store.cursor();
  if (judge(record, announced, epochs) !== 'behind') return undefined;
  const detail = `the database is at batch ${record.batch}, the rollback guard at ${announced?.batch}: the database was restored to another state`;
  return { tenant: '', kind: 'guard', position: undefined, id: undefined, seq: undefined, detail };
}

import { OperatorError } from '../../local/operator-error';
import { connectAdmin } from '../../runtime/db/admin-client';
import { localDatabaseUrl } from '../open-database';

/** Options of `logline log resume`. */
export interface ResumeOptions {
  readonly tenant: string;
  readonly json?: boolean;
}

interface Resumed {
  readonly size: string;
  readonly stopped_at: string;
  readonly stop_reason: string | null;
  readonly waiting: string;
}

/**
 * Resumes a tenant's log that the auditor stopped.
 * @throws OperatorError when no log of the tenant is stopped
 */
export async function resumeLog({ tenant, json }: ResumeOptions): Promise<void> {
  const client = await connectAdmin({ connectionString: await localDatabaseUrl('auditor') });
  try {
    const { rows } = await client.query<Resumed>('SELECT * FROM app.resume_log($1)', [tenant]);
    const [resumed] = rows;
    if (resumed === undefined) throw new OperatorError(`the log of tenant ${tenant} is not stopped`);
    const { size, stopped_at, stop_reason, waiting } = resumed;
    const outcome = {
      tenant,
      size: Number(size),
      stopped_at: new Date(stopped_at).toISOString(),
      reason: stop_reason,
      waiting: Number(waiting),
    };
    process.stdout.write(
      json
        ? `${JSON.stringify(outcome)}\n`
        : `the log of tenant ${tenant} continues after ${size} spans; ${waiting} that waited are sealed next, and audited again\nit was stopped ${outcome.stopped_at}: ${stop_reason}\nthat fault stays in the log, and verify goes on naming it\n`,
    );
  } finally {
    await client.end();
  }
}

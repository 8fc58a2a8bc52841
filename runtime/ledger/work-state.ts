import { asLogLineError, isConnectionLost } from '../db/database-error';
import type { Database } from '../db/pool';
import { queryAs } from '../db/query-as';

/** Kinds of a tenant's work state outside its spans, in the order in which they are moved. */
export const WORK_KINDS = [
  'salt',
  'quota',
  'append_usage',
  'schedule',
  'subject',
  'request',
  'policy',
  'emission',
  'idempotency_key',
] as const;

/** One of {@link WORK_KINDS}. */
export type WorkKind = (typeof WORK_KINDS)[number];

/** Rows of one kind with keys after `after` up to `until`; null is the beginning or the end. */
export interface WorkPage {
  readonly kind: WorkKind;
  readonly after: string | null;
  readonly until: string | null;
  readonly rows: readonly object[];
}

const MAX_ROWS = 1_000;
/** User that work is read as; row-level security checks the tenant only. */
const READER = 'operator';

/**
 * Reads one page of the work of a frozen tenant.
 * @param after `until` of the previous page; null for the first one
 * @throws ConflictError when the tenant is not frozen, so that its work could change meanwhile
 */
export async function readWork(
  database: Database,
  tenant: string,
  kind: WorkKind,
  after: string | null,
): Promise<WorkPage> {
  const { rows: found } = await queryAs<{ rows: readonly object[]; until: string | null }>(
    database,
    { user: READER, tenant },
    { name: 'work_page', text: 'SELECT * FROM app.work_page($1, $2, $3)', values: [kind, after, MAX_ROWS] },
  );
  const [page] = found;
  if (page === undefined) throw new Error('a page of work is missing');
  return { kind, after, ...page };
}

/**
 * Imports a page of work of a tenant whose spans were imported before. Idempotent.
 * @returns number of rows whose spans were found
 * @throws ConflictError when the tenant is not frozen
 */
export async function importWork(database: Database, tenant: string, page: WorkPage): Promise<number> {
  try {
    const client = await database.connect();
    try {
      const { rows } = await client.query<{ taken: number }>({
        name: 'import_work',
        text: 'SELECT ledger.import_work($1, $2) AS taken',
        values: [tenant, JSON.stringify(page)],
      });
      client.release();
      return rows[0]?.taken ?? 0;
    } catch (error) {
      client.release(isConnectionLost(error));
      throw error;
    }
  } catch (error) {
    throw asLogLineError(error);
  }
}

import { OperatorError } from '../../local/operator-error';
import { readDigest } from '../export/digest';
import { kindOf, rowsOf, workFileOf, workPagesOf } from '../export/work-file';
import { explainProblem } from '../ledger-api';
import { LogFolder, logFolderOf } from '../proofs/log-folder';
import type { Target } from '../target';
import { operatorClient } from './operator-client';

/** Result of importing work state. */
export interface ImportedWork {
  /** Rows imported; null when none was exported or it was not imported. */
  readonly rows: number | null;
  /** Message for the operator; undefined when there is none. */
  readonly told: string | undefined;
}

const NONE: ImportedWork = { rows: null, told: undefined };
const NOT_FROZEN = 409;

/**
 * Imports the work state beside an export after its spans, into a tenant that is frozen. Idempotent.
 * @throws OperatorError when the file does not match the digest, or the API refuses
 */
export async function importWork(file: string, target: Target, hasToken: boolean): Promise<ImportedWork> {
  const digest = await readDigest(file);
  if (digest?.work === undefined) return NONE;
  const { tenant, work } = digest;
  const pages = await workPagesOf(file, work);
  // Without the log the spans are imported in another order, in which policy cursors mean nothing.
  const isInOrder = (await new LogFolder(logFolderOf(file)).read('checkpoint')) !== undefined;
  const clientNow = operatorClient(target, hasToken);
  let rows = 0;
  for (const page of pages) {
    if (kindOf(page) === 'policy' && !isInOrder) continue;
    const client = await clientNow();
    const path = `/api/work/${encodeURIComponent(tenant)}`;
    const answer = await client.request(path, { method: 'POST', json: page });
    if (answer.status === NOT_FROZEN) {
      const told = `the work state stays in ${workFileOf(file)}: tenant ${tenant} is not frozen there, so nothing of it begins`;
      return { rows: null, told };
    }
    if (answer.status !== 200)
      throw new OperatorError(`${client.url}${path} answered ${explainProblem(answer)}`);
    rows += rowsOf(page);
  }
  return {
    rows,
    told: `the work state of tenant ${tenant} is there: ${rows} rows${isInOrder ? '' : ', without the places of policies, for lack of a log'}`,
  };
}

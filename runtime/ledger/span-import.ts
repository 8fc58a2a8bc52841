import type { SignedSpan } from '../base/span';
import { asLogLineError, isConnectionLost } from '../db/database-error';
import type { Database } from '../db/pool';
import { encodeSigned } from './span-signature';

/** What became of an import. */
export interface Imported {
  /** Spans that the ledger did not hold before. */
  readonly added: number;
  /** The transaction that looked, and wrote what was new. */
  readonly txId: string;
}

/**
 * Appends signed spans as they are, in their order and in one transaction, each under the identity of its owner. What
 * they stand for (requests, schedules, policies, subjects of rulings) is not begun again. A span that the ledger holds
 * with the same hash counts as done. The spans must have been verified.
 * @throws ConflictError for a gap, a fork or other content; ForbiddenError for a version of somebody else's entity;
 * UnavailableError when the database does not answer.
 */
export async function importSpans(database: Database, spans: readonly SignedSpan[]): Promise<Imported> {
  try {
    const client = await database.connect();
    try {
      const { rows } = await client.query<{ added: number; tx_id: string }>({
        name: 'import_spans',
        text: 'SELECT ledger.import_spans($1) AS added, pg_current_xact_id() AS tx_id',
        values: [batchesOf(spans)],
      });
      client.release();
      const [row] = rows;
      if (row === undefined) throw new Error('an import says no count');
      return { added: row.added, txId: row.tx_id };
    } catch (error) {
      client.release(isConnectionLost(error));
      throw error;
    }
  } catch (error) {
    throw asLogLineError(error);
  }
}

/** Runs of spans of one owner, so that the order stays. */
function batchesOf(spans: readonly SignedSpan[]): string {
  const batches: { readonly head: string; readonly spans: string[] }[] = [];
  for (const span of spans) {
    const head = JSON.stringify({ user_id: span.owner_id, tenant_id: span.tenant_id });
    const last = batches.at(-1);
    const { json } = encodeSigned(span);
    if (last?.head === head) last.spans.push(json);
    else batches.push({ head, spans: [json] });
  }
  return `[${batches.map(({ head, spans: texts }) => `${head.slice(0, -1)},"spans":[${texts.join(',')}]}`).join(',')}]`;
}

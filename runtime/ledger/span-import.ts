import { NOBODY } from '../base/identity';
import type { SignedSpan } from '../base/span';
import { asLogLineError, isConnectionLost } from '../db/database-error';
import type { Database } from '../db/pool';
import { queryAs } from '../db/query-as';
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
        values: [importText(spans)],
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

/** The spans of one owner, and where in the order of the request each stands. */
interface OwnerBatch {
  readonly user_id: string;
  readonly tenant_id: string;
  readonly places: number[];
  readonly spans: SignedSpan[];
}

function batchesOf(spans: readonly SignedSpan[]): readonly OwnerBatch[] {
  const batches = new Map<string, OwnerBatch>();
  for (const [place, span] of spans.entries()) {
    const { owner_id: user_id, tenant_id } = span;
    const owner = JSON.stringify([user_id, tenant_id]);
    const batch = batches.get(owner) ?? { user_id, tenant_id, places: [], spans: [] };
    batches.set(owner, batch);
    batch.places.push(place);
    batch.spans.push(span);
  }
  return [...batches.values()];
}

function importText(spans: readonly SignedSpan[]): string {
  const texts = batchesOf(spans).map(({ spans: own, ...batch }) => {
    const head = JSON.stringify(batch).slice(0, -1);
    return `${head},"spans":[${own.map((span) => encodeSigned(span).json).join(',')}]}`;
  });
  return `[${texts.join(',')}]`;
}

/**
 * Which of some spans the ledger holds with the same hash.
 * @throws UnavailableError when the database does not answer.
 */
export async function heldSpans(
  database: Database,
  spans: readonly SignedSpan[],
): Promise<readonly boolean[]> {
  const batches = batchesOf(spans).map(({ spans: own, ...batch }) => ({
    ...batch,
    // PostgreSQL counts from 1.
    places: batch.places.map((place) => place + 1),
    ids: own.map(({ id }) => id),
    seqs: own.map(({ seq }) => seq),
    hashes: own.map(({ curr_hash }) => curr_hash),
  }));
  const { rows } = await queryAs<{ held: boolean[] }>(database, NOBODY, {
    name: 'held_spans',
    text: 'SELECT ledger.held_spans($1) AS held',
    values: [JSON.stringify(batches)],
  });
  return rows[0]?.held ?? [];
}

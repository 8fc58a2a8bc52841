import { NOBODY } from '../base/identity';
import type { SignedSpan } from '../base/span';
import type { Database } from '../db/pool';
import { queryAs } from '../db/query-as';
import { inTransaction } from '../db/transaction';
import type { EncodedSpan } from './span-signature';

/** The result of an import. */
export interface Imported {
  /** Number of spans that the ledger did not have before. */
  readonly added: number;
  /** The id of the import's transaction. */
  readonly txId: string;
}

/** Identifies a stored version and its content. */
export type HeldVersion = Pick<SignedSpan, 'id' | 'seq' | 'owner_id' | 'tenant_id' | 'curr_hash'>;

/**
 * Appends signed spans unchanged, in their order and in one transaction, each under the identity of its owner. Starts no
 * work for them (requests, schedules, policies, rulings). Spans that the ledger already has with the same hash are
 * skipped.
 * @param verified verifies the signatures while PostgreSQL writes; when it rejects, nothing is committed. The hashes must
 * have been verified before.
 * @throws what `verified` rejects with; ConflictError for a gap, a fork or other content; ForbiddenError for a version
 * of somebody else's entity; UnavailableError when the database does not answer.
 */
export function importSpans(
  database: Database,
  spans: readonly EncodedSpan[],
  verified: () => Promise<void>,
): Promise<Imported> {
  return inTransaction(database, NOBODY, async ({ client }) => {
    const written = client.query<{ added: number; tx_id: string }>({
      name: 'import_spans',
      text: 'SELECT ledger.import_spans($1) AS added, pg_current_xact_id() AS tx_id',
      values: [importText(spans)],
    });
    // A bad signature takes precedence over a conflict.
    written.catch(() => undefined);
    await verified();
    const [row] = (await written).rows;
    if (row === undefined) throw new Error('an import says no count');
    return { added: row.added, txId: row.tx_id };
  });
}

/** The spans of one owner, and where in the order of the request each stands. */
interface OwnerBatch<T> {
  readonly user_id: string;
  readonly tenant_id: string;
  /** The SQL functions' name for the indices. */
  readonly places: number[];
  readonly own: T[];
}

function byOwner<T>(
  items: readonly T[],
  ownerOf: (item: T) => Pick<SignedSpan, 'owner_id' | 'tenant_id'>,
): readonly OwnerBatch<T>[] {
  const batches = new Map<string, OwnerBatch<T>>();
  for (const [place, item] of items.entries()) {
    const { owner_id: user_id, tenant_id } = ownerOf(item);
    const owner = JSON.stringify([user_id, tenant_id]);
    let batch = batches.get(owner);
    if (batch === undefined) {
      batch = { user_id, tenant_id, places: [], own: [] };
      batches.set(owner, batch);
    }
    batch.places.push(place);
    batch.own.push(item);
  }
  return [...batches.values()];
}

function importText(spans: readonly EncodedSpan[]): string {
  const texts = byOwner(spans, ({ span }) => span).map(({ own, ...batch }) => {
    const head = JSON.stringify(batch).slice(0, -1);
    return `${head},"spans":[${own.map(({ json }) => json).join(',')}]}`;
  });
  return `[${texts.join(',')}]`;
}

/**
 * Whether the ledger holds all of these spans with the same hash. Most requests of an import are all new, so the first
 * span is looked up alone.
 * @throws UnavailableError when the database does not answer.
 */
export async function holdsAll(database: Database, spans: readonly HeldVersion[]): Promise<boolean> {
  const [first] = await heldSpans(database, spans.slice(0, 1));
  return first === true && (await heldSpans(database, spans)).every(Boolean);
}

/**
 * For each span, whether the ledger has it with the same hash.
 * @throws UnavailableError when the database does not answer.
 */
export async function heldSpans(
  database: Database,
  spans: readonly HeldVersion[],
): Promise<readonly boolean[]> {
  const batches = byOwner(spans, (span) => span).map(({ own, ...batch }) => ({
    ...batch,
    // PostgreSQL's arrays start at 1.
    places: batch.places.map((index) => index + 1),
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

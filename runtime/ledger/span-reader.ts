import { sql } from 'kysely';
import type { Transaction } from '../db/with-pg';
import type { SignedSpan } from './span';
import { SPAN_COLUMNS } from './span';
import { spanOfRow } from './span-row';

/** Versions of one entity that one answer holds at most, the newest first kept. */
export const MAX_VERSIONS = 1_000;

/** Every version of an entity that the transaction's identity may read, oldest first, at most MAX_VERSIONS. */
export async function readVersions({ db }: Transaction, id: string): Promise<SignedSpan[]> {
  const rows = await db
    .selectFrom('ledger.universal_registry')
    .select(SPAN_COLUMNS)
    .where('id', '=', id)
    .orderBy('seq', 'desc')
    .limit(MAX_VERSIONS)
    .execute();
  return rows.map(spanOfRow).reverse();
}

/** The newest version of an entity that the identity may read. */
export async function readLatest({ db }: Transaction, id: string): Promise<SignedSpan | undefined> {
  const row = await db
    .selectFrom('ledger.universal_registry')
    .select(SPAN_COLUMNS)
    .where('id', '=', id)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : spanOfRow(row);
}

/** The named versions that exist and may be read, in no particular order. */
export async function readSpans(
  { db }: Transaction,
  keys: readonly { readonly id: string; readonly seq: number }[],
): Promise<SignedSpan[]> {
  if (keys.length === 0) return [];
  const rows = await db
    .selectFrom('ledger.universal_registry')
    .select(SPAN_COLUMNS)
    .where(
      sql<boolean>`(id, seq) IN (SELECT * FROM unnest(${keys.map(({ id }) => id)}::uuid[], ${keys.map(({ seq }) => seq)}::int[]))`,
    )
    .execute();
  return rows.map(spanOfRow);
}

import type { SignedSpan } from '../base/span';
import { SPAN_COLUMNS } from '../base/span';

/**
 * A row of the ledger as the span that was hashed: columns that are not part of a span and members that
 * are null are left out.
 */
export function spanOfRow(row: object): SignedSpan {
  const columns = row as Record<string, unknown>;
  const span: Record<string, unknown> = {};
  for (const column of SPAN_COLUMNS) {
    const value = columns[column];
    if (value !== null && value !== undefined) span[column] = value;
  }
  // The table's constraints are what guarantees the members; tests hash every span that comes back.
  return span as unknown as SignedSpan;
}

import type { SignedSpan } from '../base/span';
import { SPAN_COLUMNS } from '../base/span';

/** The members of a span in the order in which it is hashed, with what the hash does not cover behind them. */
const ANSWERED: readonly (keyof SignedSpan)[] = [
  ...SPAN_COLUMNS.filter((column) => column !== 'curr_hash' && column !== 'signature').sort(),
  'curr_hash',
  'signature',
];

/**
 * A row of the ledger, or a span as a client sent it, as the span that was hashed: columns that are not part of a span
 * and members that are null are left out, and the others come in the one order in which spans are answered.
 */
export function spanOfRow(row: object): SignedSpan {
  const columns = row as Record<string, unknown>;
  const span: Record<string, unknown> = {};
  for (const column of ANSWERED) {
    const value = columns[column];
    if (value !== null && value !== undefined) span[column] = value;
  }
  // The table's constraints are what guarantees the members; tests hash every span that comes back.
  return span as unknown as SignedSpan;
}

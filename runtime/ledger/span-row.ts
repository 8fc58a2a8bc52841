import type { SignedSpan } from '../base/span';
import { SPAN_COLUMNS } from '../base/span';

/** The members of a span in the order in which they are hashed, followed by those that the hash does not cover. */
const ANSWERED: readonly (keyof SignedSpan)[] = [
  ...SPAN_COLUMNS.filter((column) => column !== 'curr_hash' && column !== 'signature').sort(),
  'curr_hash',
  'signature',
];

/**
 * A row of the ledger, or a span as a client sent it, as the API returns it: without other columns and null members,
 * with its members in a fixed order.
 */
export function spanOfRow(row: object): SignedSpan {
  const columns = row as Record<string, unknown>;
  const span: Record<string, unknown> = {};
  for (const column of ANSWERED) {
    const value = columns[column];
    if (value !== null && value !== undefined) span[column] = value;
  }
  // The table's constraints guarantee the members.
  return span as unknown as SignedSpan;
}

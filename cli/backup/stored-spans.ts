import type { ClientBase } from 'pg';
import type { SignedSpan } from '../../runtime/base/span';
import { SPAN_COLUMNS } from '../../runtime/base/span';
import { INSTANCE_KEY, keyHistoryOf } from '../../runtime/ledger/keys/key-history';
import { spanOfRow } from '../../runtime/ledger/span-row';
import type { Found } from '../verify/span-source';
import { type VerifyFault, type VerifyReport, verifySpans } from '../verify/verify-spans';
import { cursorBatches } from './cursor-batches';

/** Result of a check; `faults` holds the first of them. */
export interface StoredCheck {
  readonly report: VerifyReport;
  readonly faults: readonly VerifyFault[];
}

/**
 * Checks hash, signature and chain of every span of the database.
 * @param client as `logline_backup`, in a transaction
 */
export async function verifyStored(
  client: ClientBase,
  onProgress: (spans: number) => void,
): Promise<StoredCheck> {
  const faults: VerifyFault[] = [];
  const report = await verifySpans(storedSpans(client), {
    history: keyHistoryOf(await keySpans(client)),
    faults: [],
    isComplete: () => true,
    onFault: (fault) => {
      if (faults.length < MAX_SHOWN) faults.push(fault);
    },
    onProgress,
  });
  return { report, faults };
}

const MAX_SHOWN = 20;

async function* storedSpans(client: ClientBase): AsyncGenerator<Found> {
  const query = `SELECT ${SPAN_COLUMNS.join(', ')}, pg_column_size(r.*) AS bytes FROM ledger.universal_registry r ORDER BY tx_id, ordinal`;
  let number = 0;
  for await (const rows of cursorBatches<{ bytes: number }>(client, query, ({ bytes }) => bytes)) {
    for (const { bytes: _bytes, ...row } of rows) {
      number += 1;
      yield { location: `row ${number} in feed order`, span: spanOfRow(row) };
    }
  }
}

async function keySpans(client: ClientBase): Promise<SignedSpan[]> {
  const { rows } = await client.query(
    `SELECT ${SPAN_COLUMNS.join(', ')} FROM ledger.universal_registry
      WHERE entity_type = $1 AND tenant_id = 'system' AND owner_id = 'system' AND audience = 'public' ORDER BY seq`,
    [INSTANCE_KEY],
  );
  return rows.map(spanOfRow);
}

import type { ClientBase } from 'pg';

/** Target size of a batch in bytes. */
const BATCH_BYTES = 4 * 1024 * 1024;
const FIRST_ROWS = 64;
const MAX_ROWS = 2_000;

/**
 * Reads a query through a cursor in the open transaction, in batches of about 4 MiB whatever the size of a row.
 * @param bytesOf approximate size of a row in bytes
 */
export async function* cursorBatches<T extends object>(
  client: ClientBase,
  query: string,
  bytesOf: (row: T) => number,
): AsyncGenerator<readonly T[]> {
  await client.query(`DECLARE batches NO SCROLL CURSOR FOR ${query}`);
  try {
    for (let count = FIRST_ROWS; ; ) {
      const { rows } = await client.query<T>(`FETCH FORWARD ${count} FROM batches`);
      if (rows.length > 0) yield rows;
      if (rows.length < count) return;
      const bytes = rows.reduce((sum, row) => sum + bytesOf(row), 1);
      count = Math.max(1, Math.min(MAX_ROWS, Math.floor((BATCH_BYTES / bytes) * rows.length)));
    }
  } finally {
    await client.query('CLOSE batches').catch(() => undefined);
  }
}

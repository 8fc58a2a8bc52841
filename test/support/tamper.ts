import { Client, escapeIdentifier } from 'pg';
import type { TestDatabase } from './test-database';

/**
 * Changes columns of every version of a span as a superuser with triggers disabled.
 */
export async function tamper(
  database: TestDatabase,
  id: string,
  columns: Readonly<Record<string, string>>,
): Promise<void> {
  const client = new Client({ connectionString: database.superuserUrl });
  await client.connect();
  try {
    await client.query('ALTER TABLE ledger.universal_registry DISABLE TRIGGER append_only');
    for (const [column, value] of Object.entries(columns)) {
      await client.query(
        `UPDATE ledger.universal_registry SET ${escapeIdentifier(column)} = $1 WHERE id = $2`,
        [value, id],
      );
    }
    await client.query('ALTER TABLE ledger.universal_registry ENABLE ALWAYS TRIGGER append_only');
  } finally {
    await client.end();
  }
}

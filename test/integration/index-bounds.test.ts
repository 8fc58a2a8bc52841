import assert from 'node:assert/strict';
import { SPAN_INPUT } from '../../runtime/ledger/span-schema';
import { withClient } from '../support/sql-session';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

/** PostgreSQL's limit in bytes for a B-tree entry: a third of a page (its manual, "B-Tree Indexes"). */
const MAX_ENTRY_BYTES = 2_704;
const BYTES_PER_CHARACTER = 4;
/** UUIDs, timestamps, numbers and the entry's header. */
const FIXED_BYTES = 64;

/** Longest name in bytes: 255 UTF-16 units, each a character of three bytes. */
const NAME_BYTES = 255 * 3;

/** Columns that the server fills → their largest size in bytes. */
const OWN: Readonly<Record<string, number>> = {
  audience: 'owner:255:'.length + NAME_BYTES + 1 + NAME_BYTES,
  owner_id: NAME_BYTES,
  tenant_id: NAME_BYTES,
};

describe('every index of the ledger fits the largest values that the API accepts', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  it('each text column in an index has a length that the schema bounds, and their sum fits into an entry', async () => {
    const { rows } = await withClient(database.superuserUrl, (client) =>
      client.query<{ name: string; columns: string[] }>(`
        SELECT i.indexrelid::regclass::text AS name,
               array_agg(a.attname::text) FILTER (WHERE a.atttypid = 'text'::regtype) AS columns
          FROM pg_index i
          JOIN pg_class c ON c.oid = i.indexrelid
          JOIN pg_am m ON m.oid = c.relam AND m.amname = 'btree'
          JOIN pg_attribute a ON a.attrelid = i.indexrelid
         WHERE i.indrelid = 'ledger.universal_registry'::regclass
         GROUP BY i.indexrelid`),
    );
    assert.ok(rows.length > 5);
    const properties = SPAN_INPUT.properties as Readonly<Record<string, { readonly maxLength?: number }>>;
    for (const { name, columns } of rows) {
      let bytes = FIXED_BYTES;
      for (const column of columns ?? []) {
        const length = properties[column]?.maxLength;
        const own = OWN[column] ?? (length === undefined ? undefined : length * BYTES_PER_CHARACTER);
        assert.ok(own !== undefined, `${name} holds ${column}, whose length nothing bounds`);
        bytes += own;
      }
      assert.ok(bytes <= MAX_ENTRY_BYTES, `${name} may need ${bytes} bytes`);
    }
  });
});

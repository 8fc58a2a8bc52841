import type { ClientBase } from 'pg';

/** A table as a backup holds it. */
export interface LedgerTable {
  /** Qualified name, such as `ledger.universal_registry`. */
  readonly name: string;
  /** Columns that can be written, in order; generated ones are left out. */
  readonly columns: readonly string[];
  /** Type of each column, as used in a cast. */
  readonly types: readonly string[];
  /** Identity column, filled by a sequence; null without one. */
  readonly identity: string | null;
}

/** Not backed up: the header lists the migrations, and a restore applies them. */
const KEPT_BY_MIGRATING = ['migration_checksum', 'kysely_migration', 'kysely_migration_lock'];

/** All tables of the schemas `ledger` and `app`, by name. */
export async function ledgerTables(client: ClientBase): Promise<readonly LedgerTable[]> {
  const { rows } = await client.query<LedgerTable>(
    `SELECT n.nspname || '.' || c.relname AS name,
            array_agg(a.attname::text ORDER BY a.attnum) AS columns,
            array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types,
            min(a.attname::text) FILTER (WHERE a.attidentity <> '') AS identity
       FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      WHERE n.nspname IN ('ledger', 'app') AND c.relkind = 'r' AND c.relname <> ALL ($1)
      GROUP BY 1
      ORDER BY 1`,
    [KEPT_BY_MIGRATING],
  );
  return rows;
}

/** Counts the rows of each table. */
export async function countRows(
  client: ClientBase,
  tables: readonly Pick<LedgerTable, 'name'>[],
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const { rows } = await client.query<{ rows: string }>(`SELECT count(*)::text AS rows FROM ${name}`);
    counts[name] = Number(rows[0]?.rows);
  }
  return counts;
}

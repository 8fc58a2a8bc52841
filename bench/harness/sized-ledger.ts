import { Client } from 'pg';
import type { BenchCluster, BenchDatabase } from './cluster';

/** The largest of 50 tenants, with half of all rows; the smallest has a hundred, 48 share the rest. */
export const BIG_TENANT = 'tenant-0';
/** The smallest tenant, with a hundred rows. */
export const SMALL_TENANT = 'tenant-49';
/** One of the 48. */
export const MIDDLE_TENANT = 'tenant-7';
/** A user that every tenant has. */
export const USER = 'user-3';
const SMALL_TENANT_ROWS = 100;
/** Rows of one transaction, so that the feed has steps. */
const ROWS_PER_TRANSACTION = 50_000;
/** Rows from which rebuilding the indexes is faster than growing them. */
const REBUILD_FROM_ROWS = 200_000;

/** A database that can be grown to a number of rows, generated inside the server without valid signatures. */
export class SizedLedger {
  readonly database: BenchDatabase;
  #rows = 0;

  private constructor(database: BenchDatabase) {
    this.database = database;
  }

  static async create(cluster: BenchCluster): Promise<SizedLedger> {
    const ledger = new SizedLedger(await cluster.createDatabase());
    await ledger.#sql('CREATE EXTENSION pg_buffercache');
    return ledger;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Adds rows up to this number, then vacuums and analyses as autovacuum would. */
  async growTo(rows: number, progress: (line: string) => void): Promise<void> {
    const missing = rows - this.#rows;
    if (missing <= 0) return;
    const indexes = missing >= REBUILD_FROM_ROWS ? await this.#dropIndexes() : [];
    while (this.#rows < rows) {
      const count = Math.min(ROWS_PER_TRANSACTION, rows - this.#rows);
      await this.#sql(INSERT_ROWS, [this.#rows + 1, this.#rows + count]);
      this.#rows += count;
      if (this.#rows % 500_000 === 0) progress(`generated ${this.#rows} rows`);
    }
    for (const definition of indexes) {
      progress(`building ${/INDEX (\S+)/.exec(definition)?.[1] ?? 'an index'}`);
      await this.#sql(definition);
    }
    await this.#sql('VACUUM (ANALYZE) ledger.universal_registry');
    await this.#sql('CHECKPOINT');
  }

  /** Empties PostgreSQL's cache; the operating system's stays. */
  async coolDown(): Promise<void> {
    await this.#sql('CHECKPOINT');
    await this.#sql(
      'SELECT count(pg_buffercache_evict(bufferid)) FROM pg_buffercache WHERE relfilenode IS NOT NULL',
    );
  }

  /** Rows, including those appended by benches; bytes of the table without indexes, and of each index. */
  async sizes(): Promise<{
    readonly rowCount: number;
    readonly heapBytes: number;
    readonly indexBytes: Readonly<Record<string, number>>;
  }> {
    const heap = await this.#sql(`SELECT pg_table_size('ledger.universal_registry') AS bytes`);
    const rows = await this.#sql('SELECT count(*) AS count FROM ledger.universal_registry');
    const indexes = await this.#sql(
      `SELECT indexrelid::regclass::text AS name, pg_relation_size(indexrelid) AS bytes
       FROM pg_index WHERE indrelid = 'ledger.universal_registry'::regclass ORDER BY 2 DESC`,
    );
    return {
      rowCount: Number(rows[0]?.count),
      heapBytes: Number(heap[0]?.bytes),
      indexBytes: Object.fromEntries(indexes.map(({ name, bytes }) => [String(name), Number(bytes)])),
    };
  }

  async #dropIndexes(): Promise<string[]> {
    const rows = await this.#sql(
      `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
       FROM pg_index WHERE indrelid = 'ledger.universal_registry'::regclass AND NOT indisprimary`,
    );
    for (const { name } of rows) await this.#sql(`DROP INDEX ${name}`);
    return rows.map(({ definition }) => String(definition));
  }

  async #sql(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    const client = new Client({
      connectionString: this.database.superuserUrl,
      options: '-c timezone=UTC -c maintenance_work_mem=1GB -c work_mem=64MB',
    });
    await client.connect();
    try {
      const { rows } = await client.query<Record<string, unknown>>(text, [...values]);
      return rows;
    } finally {
      await client.end();
    }
  }
}

/** Row number → id, so that rows can refer to others; the number in the timestamp part keeps ids ascending. */
const ID_OF = (number: string): string =>
  `(lpad(to_hex(1700000000000 + ${number}), 12, '0') || '7abc8' || substr(md5((${number})::text), 1, 15))::uuid`;

/** Moves the cursors behind these rows: they are unsigned, and the auditor would stop every log. */
const passOver = (cursor: 'seal_cursor' | 'audit_cursor'): string =>
  `UPDATE app.${cursor} SET tx_id = pg_current_xact_id(), ordinal = 9223372036854775807`;

/**
 * `h` is a hash of the row number, so that columns are independent. Frequencies do not depend on the number of rows: twelve
 * entity types (one of them 1 row in 10,000), 40 agents, 20 names, 8 spans a trace, 10 children a parent, 1 row in 5
 * related to an earlier one.
 */
const INSERT_ROWS = `
  WITH passed_over AS (${passOver('seal_cursor')}), unaudited AS (${passOver('audit_cursor')})
  INSERT INTO ledger.universal_registry (id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id,
    tenant_id, visibility, status, name, input, metadata, duration_ms, trace_id, curr_hash, signature, public_key)
  SELECT ${ID_OF('i')}, 0,
    CASE WHEN (h >> 1) % 10000 = 0 THEN 'incident' ELSE 'kind-' || (h >> 1) % 11 END,
    CASE WHEN (h >> 3) % 10000 = 0 THEN 'agent:auditor' ELSE 'agent:' || (h >> 3) % 40 END,
    CASE WHEN (h >> 4) % 10000 = 0 THEN 'escalated' ELSE 'verb-' || (h >> 4) % 10 END,
    'search.documents', timestamptz '2023-11-14T22:13:20Z' + i * interval '10 milliseconds',
    CASE WHEN i % 11 > 0 AND i > 11 THEN ${ID_OF('i - i % 11')} END,
    CASE WHEN (h >> 5) % 5 = 0 AND i > 100 THEN ARRAY[${ID_OF('i - 1 - (h >> 6) % 90')}] END,
    'user-' || (h >> 7) % 20,
    'tenant-' || CASE WHEN i % (${10_000 / SMALL_TENANT_ROWS}) = 1 AND i <= 10000 THEN 49
                      WHEN h % 2 = 0 THEN 0 ELSE 1 + (h >> 1) % 48 END,
    CASE WHEN (h >> 8) % 20 = 0 THEN 'public' WHEN (h >> 9) % 4 = 0 THEN 'private' ELSE 'tenant' END,
    CASE WHEN (h >> 10) % 10000 = 0 THEN 'failed' ELSE (ARRAY['complete', 'complete', 'running', NULL])[1 + (h >> 10) % 4] END,
    CASE WHEN (h >> 11) % 2 = 0 THEN 'call ' || (h >> 12) % 20 END,
    '{"query": "invoices due before 2026-03-01", "limit": 20, "filters": {"region": "eu", "paid": false}}',
    jsonb_build_object('model', 'planner-large', 'tokens', jsonb_build_object('prompt', h % 4000, 'completion', h % 900), 'number', i),
    (h % 900)::int, md5((i / 8)::text),
    md5(i::text) || md5('c' || i), md5('s' || i) || md5('t' || i) || md5('u' || i) || md5('v' || i), repeat('0', 64)
  FROM (SELECT i, (hashint8extended(i, 42) & 4611686018427387903) AS h FROM generate_series($1::bigint, $2::bigint) i) numbered`;

/** The id of a row, as in the SQL above, for filters by parent and relation. */
export async function idOfRow(client: Client, number: number): Promise<string> {
  const { rows } = await client.query<{ id: string }>(`SELECT ${ID_OF('$1::bigint')} AS id`, [number]);
  return rows[0]?.id ?? '';
}

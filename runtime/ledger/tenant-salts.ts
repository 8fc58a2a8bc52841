import { NOBODY } from '../base/identity';
import type { Database } from '../db/pool';
import { queryAs } from '../db/query-as';

/** A moved tenant is thawed this long after its salt was stored (`cli/freeze`), so a cached answer is never too old. */
const CACHE_MS = 1_000;

/** Salts for the stable ids of tenants that were moved here from other cells. */
export class TenantSalts {
  readonly #database: Database;
  #read: { readonly atMs: number; readonly salts: Promise<ReadonlyMap<string, string>> } | undefined;

  /** @param database connects as `logline_kernel` */
  constructor(database: Database) {
    this.#database = database;
  }

  /** The tenant's salt; undefined for a tenant that was not moved here. */
  async of(tenant: string): Promise<string | undefined> {
    return (await this.#all()).get(tenant);
  }

  #all(): Promise<ReadonlyMap<string, string>> {
    const nowMs = performance.now();
    if (this.#read !== undefined && nowMs - this.#read.atMs < CACHE_MS) return this.#read.salts;
    const read = { atMs: nowMs, salts: this.#ask() };
    this.#read = read;
    read.salts.catch(() => {
      if (this.#read === read) this.#read = undefined;
    });
    return read.salts;
  }

  async #ask(): Promise<ReadonlyMap<string, string>> {
    const { rows } = await queryAs<{ tenant_id: string; salt: string }>(
      this.#database,
      NOBODY,
      SALTS,
      'read',
    );
    return new Map(rows.map(({ tenant_id, salt }) => [tenant_id, salt]));
  }
}

const SALTS = { name: 'tenant_salts', text: 'SELECT * FROM app.tenant_salts()', values: [] } as const;

import type { QueryConfig } from 'pg';

/**
 * How a statement accesses the database. `write`: reads and writes. `read`: read-only. `read in order`: read-only, and
 * planned so that an index gives the order, see {@link ORDERED_PLAN}. `probe`: read-only, with a timeout of 3 s.
 */
export type Access = 'write' | 'read' | 'read in order' | 'probe';

/**
 * Settings for prepared statements that return rows in index order. A generic plan assumes an average audience of a
 * few dozen rows and would sort them instead of walking the index, which is slow for a tenant with half a million.
 */
export const ORDERED_PLAN = { enable_sort: 'off', plan_cache_mode: 'force_generic_plan' } as const;

/** Statements that set the identity and settings before another statement, prepared once per connection. */
export const PREPARED: Readonly<Record<Access, { readonly name: string; readonly text: string }>> = {
  write: { name: 'set_writer', text: settingStatement({}) },
  read: { name: 'set_reader', text: settingStatement({ transaction_read_only: 'on' }) },
  'read in order': {
    name: 'set_ordered_reader',
    text: settingStatement({ transaction_read_only: 'on', ...ORDERED_PLAN }),
  },
  probe: {
    name: 'set_probe',
    text: settingStatement({ transaction_read_only: 'on', statement_timeout: '3000' }),
  },
};

function settingStatement(settings: Readonly<Record<string, string>>): string {
  const fixed = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', true), `);
  return `SELECT ${fixed.join('')}set_config('app.user_id', $1, true), set_config('app.tenant_id', $2, true)`;
}

/**
 * Prepares a new connection for `queryAs`. The first statement may follow at once, since the server processes them in
 * order.
 */
export function prepareIdentity(client: { query(config: QueryConfig): Promise<unknown> }): void {
  for (const statement of Object.values(PREPARED)) {
    // A connection that fails here also fails its next statement, whose caller gets the error.
    client.query({ ...statement, values: ['', ''] }).catch(() => undefined);
  }
}

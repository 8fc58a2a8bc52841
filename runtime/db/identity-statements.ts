import type { QueryConfig } from 'pg';

/**
 * What a statement does. `write`: anything. `read`: it cannot write. `read in order`: nor can it, and an index gives
 * its order: see {@link ORDERED_PLAN}. `probe`: nor can it, and it is given up after 3 s.
 */
export type Access = 'write' | 'read' | 'read in order' | 'probe';

/**
 * Settings for statements whose order an index gives and whose plan is kept. Such a plan knows no values and would
 * expect an average audience, a few dozen rows, and rather sort them than walk an index: half a million for a big
 * tenant.
 */
export const ORDERED_PLAN = { enable_sort: 'off', plan_cache_mode: 'force_generic_plan' } as const;

/** What goes before a statement, prepared once on each connection. */
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
 * Prepares a fresh connection for `queryAs`. Its first statement may be sent right behind: the server takes
 * them in order.
 */
export function prepareIdentity(client: { query(config: QueryConfig): Promise<unknown> }): void {
  for (const statement of Object.values(PREPARED)) {
    // A connection that fails here fails its next statement, too, and tells its caller then.
    client.query({ ...statement, values: ['', ''] }).catch(() => undefined);
  }
}

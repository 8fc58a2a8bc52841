import type { Client } from 'pg';

/**
 * Everything in the schema `ledger` through which rows could be reached without row-level security, one line each.
 * Empty when all is well.
 */
export async function rowSecurityFaults(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ fault: string }>(`
    SELECT format('%s %s: %s', c.relname, k.kind, f.fault) AS fault
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'ledger'
      CROSS JOIN LATERAL (SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view'
                                 WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' END AS kind) k
      CROSS JOIN LATERAL (VALUES
        (c.relkind IN ('r', 'p') AND NOT c.relrowsecurity, 'row-level security is not enabled'),
        (c.relkind IN ('r', 'p') AND NOT c.relforcerowsecurity, 'row-level security is not forced'),
        (c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid), 'has no policy'),
        (c.relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false), 'is not security_invoker'),
        (c.relkind IN ('m', 'f'), 'cannot carry row-level security')
      ) AS f (is_fault, fault)
     WHERE f.is_fault
    UNION ALL
    SELECT format('policy %s on %s: compares identities so that two NULLs match', p.policyname, p.tablename)
      FROM pg_policies p
     WHERE p.schemaname IN ('ledger', 'app')
       AND coalesce(p.qual, '') || coalesce(p.with_check, '') ~* 'is (not )?distinct from|coalesce'
    UNION ALL
    SELECT format('policy %s on %s: holds for all rows', p.policyname, p.tablename)
      FROM pg_policies p
     WHERE p.schemaname = 'ledger' AND 'true' IN (p.qual, p.with_check)
    ORDER BY 1`);
  return rows.map((row) => row.fault);
}

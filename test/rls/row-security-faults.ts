import type { Client } from 'pg';

/**
 * Violations of the rules on row-level security in our schemas, one line each; empty when there are none.
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
       AND NOT (p.cmd = 'SELECT' AND p.roles <@ '{logline_sealer,logline_auditor,logline_backup}'::name[])
    UNION ALL
    SELECT format('policy %s on %s: names no role', p.policyname, p.tablename)
      FROM pg_policies p
     WHERE p.schemaname IN ('ledger', 'app') AND 'public' = ANY (p.roles)
    UNION ALL
    SELECT format('%s.%s: logline_backup cannot read all of it', n.nspname, c.relname)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname IN ('ledger', 'app') AND c.relkind IN ('r', 'p')
       AND NOT (has_table_privilege('logline_backup', c.oid, 'SELECT')
                AND (NOT c.relrowsecurity OR EXISTS (
                  SELECT FROM pg_policies p
                   WHERE p.schemaname = n.nspname AND p.tablename = c.relname AND p.cmd IN ('SELECT', 'ALL')
                     AND p.roles @> '{logline_backup}'::name[] AND p.qual = 'true')))
    UNION ALL
    SELECT format('function %s: its search path is not pinned', p.oid::regprocedure)
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     -- Names in a body of standard SQL are looked up once, when the function is made.
     WHERE n.nspname IN ('ledger', 'app') AND p.prosqlbody IS NULL
       AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
    UNION ALL
    SELECT format('function %s: everybody may call it', p.oid::regprocedure)
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,
           LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
     WHERE n.nspname IN ('ledger', 'app') AND x.grantee = 0
    UNION ALL
    SELECT format('trigger %s on %s: a replicating session skips it', t.tgname, c.relname)
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname IN ('ledger', 'app') AND NOT t.tgisinternal AND t.tgenabled <> 'A'
    ORDER BY 1`);
  return rows.map((row) => row.fault);
}

import { Client } from 'pg';
import { ROLE_KEYS, roleName } from '../../runtime/db/roles';
import type { GeneratedFile } from './generated-file';
import type { MigratedDatabase } from './migrated-database';

const HEADER = `-- What the migrations in sql/ add up to, read from the catalogue. Made by npm run generate; for review and
-- for noticing drift, not for running.
`;

/**
 * The migrated schema as text: tables, constraints, policies, functions, grants. pg_dump is no option: the embedded
 * server lacks it, and its output changes between versions.
 */
export async function generateSchemaSnapshot({
  adminUrl,
}: MigratedDatabase): Promise<readonly GeneratedFile[]> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    // PostgreSQL qualifies names only when they are not on the search path.
    await client.query('SET search_path = pg_catalog');
    const parts = [];
    for (const [title, query] of SECTIONS) {
      const { rows } = await client.query<{ text: string }>(query);
      parts.push(`\n-- ${title}\n\n${rows.map((row) => row.text.trimEnd()).join('\n')}\n`);
    }
    return [{ path: 'test/schema.sql', text: HEADER + parts.join('') }];
  } finally {
    await client.end();
  }
}

/** LogLine's schemas, without the migration runner's tables. */
const OURS = `n.nspname IN ('app', 'ledger') AND c.relname NOT LIKE 'kysely%'`;

const SECTIONS: readonly (readonly [string, string])[] = [
  [
    'Roles',
    `SELECT format('%s superuser=%s inherit=%s createrole=%s createdb=%s login=%s bypassrls=%s', rolname, rolsuper,
              rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolbypassrls) AS text
       FROM pg_roles WHERE rolname IN (${ROLE_KEYS.map((role) => `'${roleName(role)}'`).join(', ')}) ORDER BY rolname`,
  ],
  [
    'Tables',
    `SELECT format(E'TABLE %I.%I (row security: %s, forced: %s)\\n', n.nspname, c.relname, c.relrowsecurity,
              c.relforcerowsecurity)
         || string_agg(format(E'  %I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
              CASE WHEN a.attcollation NOT IN (0, t.typcollation)
                   THEN ' COLLATE ' || quote_ident(k.collname) ELSE '' END,
              CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
              CASE WHEN a.attidentity <> '' THEN ' GENERATED ALWAYS AS IDENTITY'
                   WHEN a.attgenerated <> '' THEN ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') STORED'
                   WHEN d.adbin IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) ELSE '' END),
              E'\\n' ORDER BY a.attnum) || E'\\n' AS text
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       JOIN pg_type t ON t.oid = a.atttypid
       LEFT JOIN pg_collation k ON k.oid = a.attcollation
       LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
      WHERE ${OURS} AND c.relkind IN ('r', 'p')
      GROUP BY n.nspname, c.relname, c.relrowsecurity, c.relforcerowsecurity ORDER BY n.nspname, c.relname`,
  ],
  [
    'Constraints',
    `SELECT format('%I.%I %I %s', n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid)) AS text
       FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${OURS} AND k.contype <> 'n' ORDER BY n.nspname, c.relname, k.conname`,
  ],
  [
    'Indexes',
    `SELECT pg_get_indexdef(i.indexrelid) AS text
       FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${OURS} ORDER BY 1`,
  ],
  [
    'Policies',
    `SELECT format('%s %s.%s %s FOR %s TO %s USING (%s) WITH CHECK (%s)', policyname, schemaname, tablename,
              permissive, cmd, array_to_string(roles, ', '), qual, with_check) AS text
       FROM pg_policies WHERE schemaname IN ('app', 'ledger') ORDER BY schemaname, tablename, policyname`,
  ],
  [
    'Triggers (A: always, O: unless replicating)',
    `SELECT format('%s: %s', t.tgenabled, pg_get_triggerdef(t.oid)) AS text
       FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${OURS} AND NOT t.tgisinternal ORDER BY 1`,
  ],
  [
    'Views',
    `SELECT format(E'VIEW %I.%I (%s) AS\\n%s', n.nspname, c.relname, array_to_string(c.reloptions, ', '),
              pg_get_viewdef(c.oid, true)) AS text
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${OURS} AND c.relkind IN ('v', 'm') ORDER BY n.nspname, c.relname`,
  ],
  [
    'Functions',
    `SELECT pg_get_functiondef(p.oid) || E'\\n' AS text
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname IN ('app', 'ledger') AND p.prokind IN ('f', 'p') ORDER BY n.nspname, p.proname, p.oid`,
  ],
  ['Privileges of others than the owner', privileges()],
];

/** Every grant on schemas, tables, columns and functions, one a line. */
function privileges(): string {
  const grants = (what: string, acl: string, owner: string, from: string): string => `
    SELECT ${what} AS object, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END AS grantee,
           string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type) AS privileges
      FROM ${from}, LATERAL aclexplode(${acl}) x
     WHERE n.nspname IN ('app', 'ledger') AND x.grantee <> ${owner} GROUP BY 1, 2`;
  return `SELECT format('%s TO %s: %s', object, grantee, privileges) AS text FROM (
    ${grants("'schema ' || n.nspname", 'n.nspacl', 'n.nspowner', 'pg_namespace n')}
    UNION ALL
    ${grants(
      "'relation ' || n.nspname || '.' || c.relname",
      'c.relacl',
      'c.relowner',
      'pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace',
    )}
    UNION ALL
    ${grants(
      "'column ' || n.nspname || '.' || c.relname || '.' || a.attname",
      'a.attacl',
      'c.relowner',
      'pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace',
    )}
    UNION ALL
    ${grants(
      "'function ' || n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')'",
      "coalesce(p.proacl, acldefault('f', p.proowner))",
      'p.proowner',
      'pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace',
    )}
  ) grants ORDER BY object, grantee`;
}

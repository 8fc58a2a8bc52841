import assert from 'node:assert/strict';
import { checkSql } from '../../../runtime/sandbox';
import { ALLOWED_FUNCTIONS, ALLOWED_TYPES } from '../../../runtime/sandbox/sql-allowed';
import { FROM, refused, VALUES } from './sql-guard-fixture';

describe('SQL guard', () => {
  const allowed: string[] = [
    `SELECT id, this, at ${FROM} WHERE entity_type = $1 AND at > now() - interval '1 day' ORDER BY at DESC LIMIT $2`,
    'SELECT * FROM ledger.universal_registry AS r WHERE r.id = $1::uuid AND r.seq = 0;',
    `SELECT count(*) FILTER (WHERE status = 'active'), max(at)::text, avg(duration_ms) ${FROM} GROUP BY entity_type HAVING count(*) > 1`,
    `SELECT row_number() OVER w, lag(at) OVER (PARTITION BY id ORDER BY seq) ${FROM} WINDOW w AS (ORDER BY at)`,
    `SELECT metadata->>'a', metadata #> '{a,b}', metadata @> '{"x":1}', metadata ? 'k' ${FROM}`,
    `SELECT e.value ${FROM} v, jsonb_array_elements_text(v.metadata->'tags') WITH ORDINALITY AS e(value, n)`,
    'SELECT a.id FROM ledger.universal_registry a LEFT JOIN ledger.visible_timeline b USING (id) WHERE b.id IS NULL',
    `WITH recent AS (SELECT * ${FROM} LIMIT 10), ids AS (SELECT id FROM recent) SELECT * FROM recent JOIN ids USING (id)`,
    `WITH RECURSIVE tree AS (SELECT id, parent_id ${FROM} WHERE id = $1 UNION ALL SELECT c.id, c.parent_id FROM ledger.visible_timeline c JOIN tree ON c.parent_id = tree.id) SELECT * FROM tree`,
    `SELECT * ${FROM} WHERE id IN (WITH x AS (SELECT id ${FROM}) SELECT id FROM x) AND EXISTS (SELECT 1 ${FROM})`,
    `SELECT id ${FROM} UNION SELECT id FROM ledger.universal_registry EXCEPT SELECT $1 ORDER BY 1`,
    `SELECT CASE WHEN is_deleted THEN 1 ELSE 2 END, coalesce(name, 'x'), greatest(1, 2), nullif(a, b), (a, b) = (1, 2) ${FROM}`,
    `SELECT extract(year FROM at), at AT TIME ZONE 'Europe/Paris', substring(name FROM 1 FOR 2), trim(both ' ' FROM name), position('a' IN name) ${FROM}`,
    `SELECT (related_to)[1:2], 'x' COLLATE "C", status IS DISTINCT FROM 'b', seq BETWEEN 1 AND 2 ${FROM}`,
    `SELECT name LIKE 'a%', name ILIKE 'b', (at, at) OVERLAPS (at, at) ${FROM}`,
    'SELECT current_date, localtimestamp',
    'SELECT g FROM generate_series(1, 10) AS g',
    'VALUES (1, $1), (2, $2)',
    'TABLE ledger.visible_timeline',
    `/* comment; DROP TABLE x */ SELECT 1 -- ; COMMIT`,
    "SELECT 'it''s; SET ROLE postgres' AS text, $q$ COMMIT; $q$",
    'SELECT "id" FROM "ledger"."visible_timeline"',
  ];
  for (const text of allowed) {
    it(`allows ${text.slice(0, 90)}`, async () => void (await checkSql(text, VALUES)));
  }

  const statements: [string, RegExp][] = [
    ["SET app.tenant_id = 'x'", /SET is not allowed/],
    ['SET ROLE postgres', /SET is not allowed/],
    ["SET LOCAL app.user_id = 'x'", /SET is not allowed/],
    ['RESET ALL', /SET is not allowed/],
    ['SHOW app.user_id', /SHOW is not allowed/],
    ['COMMIT', /transaction control is not allowed/],
    ['BEGIN', /transaction control/],
    ['SAVEPOINT a', /transaction control/],
    ['INSERT INTO ledger.universal_registry DEFAULT VALUES', /INSERT is not allowed/],
    ['UPDATE ledger.universal_registry SET seq = 1', /UPDATE is not allowed/],
    ['DELETE FROM ledger.universal_registry', /DELETE is not allowed/],
    ['MERGE INTO a USING b ON true WHEN MATCHED THEN DO NOTHING', /MERGE is not allowed/],
    ['TRUNCATE ledger.universal_registry', /TruncateStmt is not allowed/],
    ['CREATE TABLE t (a int)', /CreateStmt is not allowed/],
    ["CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", /not allowed/],
    ['CREATE TEMP TABLE t AS SELECT 1', /not allowed/],
    ['DROP TABLE t', /not allowed/],
    ['GRANT ALL ON t TO public', /not allowed/],
    ["DO $$ BEGIN PERFORM set_config('a', 'b', true); END $$", /DO is not allowed/],
    ['CALL f()', /CALL is not allowed/],
    ["COPY t TO PROGRAM 'sh'", /COPY is not allowed/],
    ['EXPLAIN ANALYZE SELECT 1', /EXPLAIN is not allowed/],
    ['PREPARE a AS SELECT 1', /not allowed/],
    ['EXECUTE a', /not allowed/],
    ['DECLARE c CURSOR FOR SELECT 1', /not allowed/],
    ['LOCK ledger.universal_registry', /not allowed/],
    ['NOTIFY a', /NOTIFY is not allowed/],
    ['LISTEN a', /LISTEN is not allowed/],
    ['VACUUM', /not allowed/],
    ['DISCARD ALL', /not allowed/],
    ["SECURITY LABEL ON TABLE a IS 'b'", /not allowed/],
    ['SELECT 1; SELECT 2', /more than one statement/],
    ['SELECT 1; SET ROLE postgres; SELECT 2', /more than one statement/],
    ['SELECT 1 /* */ ; COMMIT', /more than one statement/],
    ['', /is empty/],
    ['  \n', /is empty/],
    ['-- nothing', /no statement/],
    [';', /no statement/],
    ['SELEC 1', /syntax error/],
    ['SELECT (', /syntax error/],
    ['SELECT 1 INTO t', /INTO is not allowed/],
    ['SELECT 1 INTO TEMP t', /INTO is not allowed/],
    [`SELECT * ${FROM} FOR UPDATE`, /FOR UPDATE/],
    [`SELECT * ${FROM} FOR KEY SHARE SKIP LOCKED`, /FOR UPDATE/],
    [`SELECT * FROM (SELECT * ${FROM} FOR SHARE) a`, /FOR UPDATE/],
    [
      'WITH x AS (DELETE FROM ledger.universal_registry RETURNING *) SELECT * FROM x',
      /DELETE is not allowed/,
    ],
    ['WITH x AS (INSERT INTO ledger.universal_registry DEFAULT VALUES) SELECT 1', /INSERT is not allowed/],
    [
      'SELECT (WITH x AS (UPDATE ledger.universal_registry SET seq = 1 RETURNING 1) SELECT 1)',
      /UPDATE is not allowed/,
    ],
  ];
  for (const [text, message] of statements) {
    it(`refuses ${JSON.stringify(text.slice(0, 80))}`, () => refused(text, message));
  }

  const relations = [
    'universal_registry',
    'visible_timeline',
    'pg_class',
    'pg_catalog.pg_settings',
    'pg_roles',
    'information_schema.tables',
    'app.queue',
    'public.universal_registry',
    'ledger.other',
    'ledger."Visible_Timeline"',
    '"ledger.visible_timeline"',
    'logline.ledger.visible_timeline',
    'pg_temp.visible_timeline',
  ];
  for (const relation of relations) {
    it(`refuses to read ${relation} and names the allowed relations`, async () => {
      await refused(
        `SELECT * FROM ${relation}`,
        /ledger\.universal_registry and ledger\.visible_timeline|another database/,
      );
      await refused(`SELECT (SELECT count(*) FROM ${relation})`, /not allowed/);
      await refused(`SELECT 1 ${FROM} a JOIN ${relation} b ON true`, /not allowed/);
    });
  }

  it('takes a WITH name only where PostgreSQL does, so that it cannot stand for a catalogue', async () => {
    await refused(
      'WITH a AS (SELECT * FROM pg_roles), pg_roles AS (SELECT 1) SELECT * FROM a',
      /relation pg_roles/,
    );
    await refused('WITH pg_roles AS (SELECT * FROM pg_roles) SELECT * FROM pg_roles', /relation pg_roles/);
    await refused(
      'SELECT (WITH pg_roles AS (SELECT 1) SELECT 1), (SELECT count(*) FROM pg_roles)',
      /relation pg_roles/,
    );
    await refused('SELECT 1 FROM (WITH pg_roles AS (SELECT 1) SELECT 1) a, pg_roles', /relation pg_roles/);
    await refused(
      'WITH pg_roles AS (SELECT 1) SELECT * FROM pg_catalog.pg_roles',
      /relation pg_catalog\.pg_roles/,
    );
    await checkSql('WITH pg_roles AS (SELECT 1) SELECT * FROM pg_roles');
    await refused(
      'WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a',
      /define it first/,
    );
  });

  const functions = [
    "set_config('app.tenant_id', 'x', true)",
    "pg_catalog.set_config('app.tenant_id', 'x', true)",
    "current_setting('app.tenant_id')",
    'pg_sleep(10)',
    'pg_catalog.pg_sleep(10)',
    'pg_sleep_for(interval $$1 day$$)',
    'pg_advisory_lock(1)',
    'pg_try_advisory_xact_lock(1)',
    'pg_terminate_backend(1)',
    "pg_read_file('/etc/passwd')",
    "pg_ls_dir('/')",
    'pg_backend_pid()',
    'pg_current_xact_id()',
    'txid_current()',
    "pg_notify('a', 'b')",
    "lo_import('/etc/passwd')",
    'lo_creat(1)',
    "query_to_xml('SELECT 1', true, true, '')",
    "table_to_xml('pg_class', true, true, '')",
    "database_to_xml(true, true, '')",
    "cursor_to_xml('c', 1, true, true, '')",
    "ts_stat('SELECT 1')",
    "dblink('host=x', 'SELECT 1')",
    "nextval('s')",
    "setval('s', 1)",
    "has_table_privilege('x', 'SELECT')",
    "to_regclass('pg_class')",
    "regclass('pg_class')",
    'version()',
    'inet_server_addr()',
    "repeat('x', 1000000000)",
    "lpad('x', 1000000000)",
    "format('%1000000000s', 'x')",
    'array_fill(1, ARRAY[100000000])',
    "ledger.visible_timeline('x')",
    'public.f()',
    '"PG_SLEEP"(1)',
    '"set_config"($$a$$, $$b$$, true)',
    'U&"set\\005fconfig"($$a$$, $$b$$, true)',
    "set_config /* x */ ('a', 'b', true)",
  ];
  for (const call of functions) {
    it(`refuses ${call} in every place, and names it`, async () => {
      const places = [
        `SELECT ${call}`,
        `SELECT 1 FROM ${call} f`,
        `SELECT 1 FROM ROWS FROM (${call}) f`,
        `SELECT 1 ${FROM} WHERE ${call} IS NULL`,
        `SELECT 1 ${FROM} ORDER BY ${call}`,
        `SELECT 1 ${FROM} GROUP BY ${call}`,
        `SELECT 1 ${FROM} HAVING ${call} IS NULL`,
        `SELECT 1 LIMIT (SELECT ${call})`,
        `SELECT coalesce(1, CASE WHEN true THEN ARRAY[(SELECT ${call})] END)`,
        `SELECT 1 FROM ledger.visible_timeline a JOIN ledger.visible_timeline b ON ${call} IS NULL`,
        `SELECT count(*) FILTER (WHERE ${call} IS NULL) OVER (PARTITION BY ${call})`,
        `WITH x AS (SELECT ${call}) SELECT 1`,
        `VALUES (${call})`,
        `SELECT 1 UNION SELECT ${call}`,
      ];
      await refused(`SELECT ${call}`, /function .* is not allowed/);
      // Not every place allows a function call; each must be refused.
      for (const place of places)
        await refused(place, /^ctx\.sql: (function .* is not allowed; allowed are|syntax error)/);
    });
  }

  it('has no function on its list that reads settings, catalogues, files or sequences', () => {
    const suspicious =
      /^(pg_|lo_|txid|xid|set_|current_|has_|to_reg|nextval|setval|currval|lastval|query_to|table_to|schema_to|database_to|cursor_to|dblink|inet_|col_description|obj_description|format_type|repeat|lpad|rpad|format$)/;
    assert.deepEqual(
      [...ALLOWED_FUNCTIONS.keys()].filter((name) => suspicious.test(name)),
      [],
    );
    assert.deepEqual(
      [...ALLOWED_TYPES.keys()].filter((name) =>
        /^(reg|oid|xid|xml|pg_|name$|anyelement|record|cstring|refcursor)/.test(name),
      ),
      [],
    );
  });

  const types = [
    'regclass',
    'regproc',
    'pg_catalog.regrole',
    'oid',
    'xid',
    'xml',
    'name',
    'pg_lsn',
    'ledger.universal_registry',
    'regclass[]',
    'text::regclass',
  ];
  for (const type of types) {
    it(`refuses a cast to ${type}`, async () => {
      await refused(`SELECT 'x'::${type}`, /type .* is not allowed; allowed are/);
      if (!type.includes('::')) await refused(`SELECT CAST('x' AS ${type})`, /type .* is not allowed/);
    });
  }

  it('refuses column definitions of a type it does not know', async () => {
    await refused("SELECT * FROM jsonb_to_recordset('[]') AS t(a regclass)", /ColumnDef|not allowed/);
  });

  const others: [string, RegExp][] = [
    ['SELECT xmlelement(name a)', /XML/],
    ["SELECT xmlparse(document '<a/>')", /XML/],
    ["SELECT * FROM XMLTABLE('/a' PASSING '<a/>' COLUMNS b text)", /XMLTABLE/],
    [`SELECT * ${FROM} TABLESAMPLE system(1)`, /TABLESAMPLE/],
    ["SELECT * FROM JSON_TABLE('[]', '$' COLUMNS (a int PATH '$'))", /JSON_TABLE/],
    [`SELECT xmin ${FROM}`, /system column xmin/],
    [`SELECT v.ctid ${FROM} v`, /system column ctid/],
    [`SELECT 1 ${FROM} WHERE tableoid = 1`, /system column tableoid/],
    ['SELECT 1 OPERATOR(public.+) 1', /operators of another schema/],
  ];
  for (const [text, message] of others) {
    it(`refuses ${text.slice(0, 80)}`, () => refused(text, message));
  }

  it('refuses U+0000, at which the parser and the server would stop reading', async () => {
    await refused('SELECT 1\0; COMMIT', /U\+0000/);
    await refused("SELECT '\ud800'", /half a character/);
  });

  it('bounds length, size of the tree and number of parameters', async () => {
    await refused(`SELECT '${'x'.repeat(20_001)}'`, /longer than 20000 bytes/);
    await refused(`SELECT '${'€'.repeat(7_000)}'`, /longer than 20000 bytes/);
    await refused(`SELECT ${Array(2_000).fill('1').join('+')}`, /more than 1500 words/);
    await refused(`SELECT ${'('.repeat(2_000)}1${')'.repeat(2_000)}`, /more than 1500 words/);
    await refused('SELECT 1', /more than 500 values/, Array(501).fill('1'));
    await refused('SELECT $1', /longer than 65536 bytes/, ['x'.repeat(65_537)]);
    await refused('SELECT 1', /longer than 262144 bytes together/, Array(5).fill('x'.repeat(60_000)));
  });

  it('bounds how deep a statement nests', async () => {
    await checkSql(`SELECT ${'NOT '.repeat(40)} true`);
    await refused(`SELECT ${'NOT '.repeat(1_400)} true`, /nested more than 60 levels/);
    await refused(`SELECT ${'(SELECT '.repeat(450)}1${')'.repeat(450)}`, /nested more than 60 levels/);
    await refused(`SELECT ${'(SELECT '.repeat(400)}pg_sleep(1)${')'.repeat(400)}`, /pg_sleep/);
  });

  it('refuses a parameter that is not bound, also for a text it has seen before', async () => {
    await checkSql('SELECT $1, $2', ['a', 'b']);
    await refused('SELECT $1, $2', /refers to \$2 but 1 values are bound/, ['a']);
  });

  it('refuses a bound value that costs too much, also for a text that it allowed with another', async () => {
    const text = 'SELECT this LIKE $1 FROM ledger.visible_timeline';
    await checkSql(text, ['%a%']);
    await refused(text, /can take \d+ ms/, [`%${'a'.repeat(40)}%`]);
  });

  it('still parses after a text with a syntax error', async () => {
    for (let i = 0; i < 50; i++) await refused(`SELECT FROM FROM ${i}`, /syntax error/);
    await checkSql('SELECT 1');
  });
});

import assert from 'node:assert/strict';
import { checkSql, SqlRefusedError } from '../../../runtime/sandbox';
import { ALLOWED_FUNCTIONS, ALLOWED_TYPES } from '../../../runtime/sandbox/sql-allowed';

const FROM = 'FROM ledger.visible_timeline';

/** Nine values of eight bytes, unless a test says otherwise. */
const VALUES: readonly string[] = Array(9).fill('12345678');

async function refused(text: string, message: RegExp, values: readonly string[] = VALUES): Promise<void> {
  await assert.rejects(checkSql(text, values), (error: unknown) => {
    assert.ok(error instanceof SqlRefusedError, `expected a refusal, got ${error}`);
    assert.equal(error.code, 'sql_refused');
    assert.match(error.message, message);
    return true;
  });
}

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

  describe('limits the evaluation of one row, during which PostgreSQL checks for no interrupts', () => {
    const digits = "'1e130000'::numeric";
    const tooMuch: [string, RegExp][] = [
      [`SELECT ${Array(20).fill(`div($1, ${digits})`).join(', ')}`, /function div/],
      [`SELECT sum(seq) * '1e130000' ${FROM}`, /exponent/],
      [`SELECT this * metadata ${FROM}`, /cast it to int/],
      [`SELECT 1${'0'.repeat(60)}1`, /more than 60 digits/],
      ['SELECT 1e130000', /more than 60 digits/],
      ['SELECT x::numeric(1000, 0) FROM (VALUES (1)) t(x)', /at most 100 digits/],
      [`SELECT translate(this, $1, 'x') ${FROM}`, /function translate/],
      [`SELECT replace(this, 'a', $1) ${FROM}`, /function replace/],
      [`SELECT string_agg(this, ',') ${FROM}`, /function string_agg/],
      [`SELECT array_agg(this) ${FROM}`, /function array_agg/],
      [`SELECT jsonb_agg(metadata) ${FROM}`, /function jsonb_agg/],
      [`SELECT json_object_agg(id, this) ${FROM}`, /function json_object_agg/],
      [`SELECT ARRAY(SELECT this ${FROM})`, /gathers any number of rows/],
      [`SELECT jsonb_path_query(metadata, '$.**.**') ${FROM}`, /function jsonb_path_query/],
      [`SELECT metadata @? '$.**' ${FROM}`, /operator @\?/],
      [`SELECT metadata @@ '$.a == 1' ${FROM}`, /operator @@/],
      [`SELECT metadata::text::jsonb ${FROM}`, /can take \d+ ms/],
      [`SELECT this ~ '(a+)+$' ${FROM}`, /operator ~/],
      [`SELECT this SIMILAR TO '(a+)+' ${FROM}`, /similar_to_escape/],
      [`SELECT regexp_replace(this, 'a', 'b') ${FROM}`, /function regexp_replace/],
      [`SELECT to_tsvector(this) ${FROM}`, /function to_tsvector/],
      [`SELECT 'a'::char(10000000)`, /type pg_catalog.bpchar/],
      [`SELECT B'1'::bit(80000000)`, /type pg_catalog.bit/],
      [`SELECT this LIKE '%${'a'.repeat(40)}%' ${FROM}`, /can take \d+ ms/],
      [`SELECT this LIKE who ${FROM}`, /must be a constant or a bound value/],
      [`SELECT strpos(this, who) ${FROM}`, /must be a constant or a bound value/],
      [`SELECT metadata @> input ${FROM}`, /must be a constant or a bound value/],
      [`SELECT metadata @> '[${Array(60).fill('"a"').join(',')}]' ${FROM}`, /can take \d+ ms/],
      [`SELECT ${Array(60).fill('upper(this)').join(', ')} ${FROM}`, /MiB|can take \d+ ms/],
      [`SELECT ${Array(5).fill('this').join(', ')} ${FROM}`, /can hold 5 MiB/],
      [`SELECT ${Array(5).fill('this').join(' || ')} ${FROM}`, /can hold 5 MiB/],
      [`SELECT metadata || metadata ${FROM}`, /joins texts only/],
      [`SELECT to_char(seq, this) ${FROM}`, /takes short values only/],
      [`SELECT generate_series(1, (metadata->>'n')) ${FROM}`, /takes short values only/],
      [
        `WITH a AS (SELECT this || this AS t ${FROM}), b AS (SELECT t || t AS t FROM a) SELECT t || t FROM b`,
        /can hold 8 MiB/,
      ],
      [
        `SELECT 1 FROM (SELECT upper(this) AS u ${FROM}) s WHERE ${Array(9).fill("u = 'x'").join(' OR ')}`,
        /can take \d+ ms/,
      ],
      ["WITH RECURSIVE a AS (SELECT 'x'::text AS t UNION ALL SELECT t || t FROM a) SELECT t FROM a", /grows/],
      ['WITH RECURSIVE a AS (SELECT 2::numeric AS n UNION ALL SELECT n * n FROM a) SELECT n FROM a', /grows/],
      [
        `SELECT 1 FROM ${Array(9)
          .fill('ledger.visible_timeline')
          .map((name, i) => `${name} t${i}`)
          .join(', ')}`,
        /more than 8 relations/,
      ],
      [`SELECT count(*) ${FROM} GROUP BY CUBE (${Array(12).fill('seq').join(', ')})`, /GroupingSet/],
      [`SELECT at ${FROM} ORDER BY at FETCH FIRST 1 ROWS WITH TIES`, /WITH TIES/],
      [`SELECT this COLLATE "en_US" ${FROM}`, /only collation/],
      ['SELECT current_user', /name roles/],
    ];
    for (const [text, message] of tooMuch) it(`refuses ${text.slice(0, 90)}`, () => refused(text, message));

    const enough = [
      `SELECT ${Array.from({ length: 9 }, (_, i) => `metadata->>'m${i}'`).join(', ')} ${FROM}`,
      `SELECT id, left(this, 200) ${FROM} WHERE left(this, 10000) LIKE '%${'word '.repeat(12)}%'`,
      `SELECT lower(who), lower(did), lower(name), upper(status) ${FROM}`,
      `SELECT 'a' || name || '-' || (metadata->>'b') ${FROM}`,
      `SELECT sum((metadata->>'amount')::numeric), avg(duration_ms), max(at) - min(at) ${FROM} GROUP BY status`,
      `SELECT duration_ms * seq / 2, duration_ms % 10, sum(seq) * count(*) ${FROM} GROUP BY 1, 2`,
      `SELECT a.id, b.metadata->>'x' ${FROM} a JOIN ledger.visible_timeline b ON b.parent_id = a.id AND b.status = a.status`,
      `SELECT id ${FROM} WHERE related_to @> ARRAY[$1]::uuid[] OR $2 = ANY (related_to) OR metadata @> $3`,
    ];
    for (const text of enough)
      it(`allows ${text.slice(0, 90)}`, async () => void (await checkSql(text, VALUES)));
  });

  describe("prints the server's text from the checked tree", () => {
    const printed = async (text: string) => (await checkSql(text, VALUES)).text.replaceAll(/\s+/g, ' ');

    it('shows the table by the columns of a span, so that no other column has a name', async () => {
      const text = await printed('SELECT * FROM ledger.universal_registry r');
      assert.match(
        text,
        /^SELECT \* FROM \( SELECT id, seq, .* public_key FROM ledger\.universal_registry ?\) AS r$/,
      );
      assert.doesNotMatch(text, /tx_id|ordinal|audience/);
    });

    it('gives a numeric a precision', async () => {
      assert.equal(await printed("SELECT '1'::numeric"), "SELECT trim_scale(CAST('1' AS numeric(60, 20)))");
    });

    it('refuses a bound number of 130,000 digits', async () => {
      await refused(`SELECT sum(seq) * $1 ${FROM}`, /exponent/, ['1e130000']);
      await refused(`SELECT sum(seq) = ANY ($1) ${FROM}`, /exponent/, ['[1,"1E+130000"]']);
    });

    it('refuses statements that it cannot print exactly', async () => {
      const frame = 'ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING';
      await refused(`SELECT sum(seq) OVER (ORDER BY at ${frame}) ${FROM}`, /cannot be passed on exactly/);
    });

    it('leaves comments out', async () => {
      assert.equal(await printed('SELECT /* a */ 1 -- b'), 'SELECT 1');
    });

    it('knows where a place of the printed text was', async () => {
      const text = "SELECT  'é',\n  nonsense  FROM ledger.universal_registry";
      const checked = await checkSql(text);
      assert.equal(checked.position(checked.text.indexOf('nonsense') + 1), text.indexOf('nonsense') + 1);
      assert.equal(checked.position(2), undefined);
    });
  });

  it('still parses after a text with a syntax error', async () => {
    for (let i = 0; i < 50; i++) await refused(`SELECT FROM FROM ${i}`, /syntax error/);
    await checkSql('SELECT 1');
  });
});

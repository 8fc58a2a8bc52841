import { checkSql } from '../../../runtime/sandbox';
import { FROM, refused, VALUES } from './sql-guard-fixture';

describe('SQL guard limits the evaluation of one row, during which PostgreSQL checks for no interrupts', () => {
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
    [`SELECT metadata::text::jsonb ${FROM}`, /only a constant or a bound value is cast to jsonb/],
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

import { checkSql } from '../../../runtime/sandbox';
import { FROM, refused, VALUES } from './sql-guard-fixture';

describe('SQL guard knows what each name means, since PostgreSQL calls a function where a relation has no such column', () => {
  const call = 'jsonb_array_elements_text(\'["app.tenant_id"]\')';
  const calls = [
    `SELECT e.current_setting FROM ${call} e`,
    `SELECT e.e FROM ${call} e`,
    'SELECT g.pg_advisory_lock FROM generate_series(1, 9) g',
    'SELECT g.pg_terminate_backend FROM generate_series(1, 9) AS g(n)',
    `SELECT r.jsonb_agg ${FROM} r`,
    `SELECT ledger.visible_timeline.row_to_json ${FROM}`,
    'SELECT logline.ledger.visible_timeline.row_to_json FROM ledger.visible_timeline',
    `SELECT 1 ${FROM} r ORDER BY r.pg_column_size`,
    `SELECT count(*) FILTER (WHERE r.to_jsonb IS NULL) OVER (PARTITION BY r.to_jsonb) ${FROM} r`,
    // The inner g is hidden from a subquery that is not LATERAL, and from ON of a join beside it.
    `SELECT 1 FROM ${call} g WHERE EXISTS (SELECT 1 FROM (SELECT 1 AS current_setting) g, (SELECT g.current_setting) x)`,
    `SELECT (SELECT 1 FROM (SELECT 1 AS current_setting) g, (SELECT 1) a JOIN (SELECT 2) b ON g.current_setting = 1) FROM ${call} g`,
    `SELECT x.version FROM (SELECT g FROM generate_series(1, 2) g) x`,
  ];
  for (const text of calls)
    it(`refuses ${text.slice(0, 90)}`, () => refused(text, /column [\w.]+ does not exist/));

  it('refuses a whole row, and a star of another query', async () => {
    await refused(`SELECT r ${FROM} r`, /whole row/);
    await refused(`SELECT e FROM jsonb_each($1) e`, /whole row/);
    await refused(`SELECT (SELECT r.* LIMIT 1) ${FROM} r`, /r\.\* names no relation/);
  });

  it('takes the names that PostgreSQL gives', async () => {
    const named = [
      'SELECT e, e.value FROM jsonb_array_elements($1) e',
      'SELECT e.key, e.value, e.n FROM jsonb_each($1) WITH ORDINALITY AS e(key, value, n)',
      'SELECT jsonb_each.key, generate_series.ordinality FROM jsonb_each($1), generate_series(1, 2) WITH ORDINALITY',
      'SELECT f.generate_series, f.value FROM ROWS FROM (generate_series(1, 2), jsonb_array_elements($1)) f',
      'SELECT u.u, id FROM unnest($1::uuid[]) u, unnest($2::uuid[]) AS x(id)',
      'SELECT w.id, w.deadline FROM unnest($1::uuid[], $2::text[]) AS w (id, deadline)',
      'SELECT w.unnest FROM unnest($1::uuid[], $2::text[]) w',
      'SELECT unnest FROM unnest($1::uuid[], $2::text[])',
      `SELECT s.count, s.max, s.upper, s.int4, s."case", s.visibility, s.coalesce, s."array", s."row", s.greatest, s."exists", s."?column?", s.current_date, s.nullif FROM (SELECT count(*), max(at), upper(visibility), '1'::int, CASE WHEN true THEN 1 END, CASE WHEN true THEN 'x' ELSE visibility END, coalesce(1), ARRAY[1], ROW(1), greatest(1), EXISTS (SELECT 1), 1 + 1, current_date, nullif(1, 2) ${FROM} GROUP BY visibility) s`,
      `SELECT s.numeric, s.date, s.substring FROM (SELECT $1::numeric, (name || '')::date, substring(name, 1) ${FROM}) s`,
      `SELECT s.who, s.first FROM (SELECT (SELECT who ${FROM} LIMIT 1), (SELECT 1 AS first)) s`,
      'SELECT v.column1 FROM (VALUES (1)) v',
      `SELECT ledger.visible_timeline.*, ledger.visible_timeline.id ${FROM}`,
      `SELECT b.id ${FROM} a LEFT JOIN LATERAL (SELECT a.id) b ON a.id = b.id`,
    ];
    for (const text of named) await checkSql(text, VALUES);
  });
});

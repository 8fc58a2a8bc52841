import assert from 'node:assert/strict';
import { checkSql } from '../../../runtime/sandbox';
import { FROM, join, nest, refused, VALUES } from './sql-guard-fixture';

describe('SQL guard bounds what a statement keeps in memory', () => {
  it('keeps a session from gathering time zones', async () => {
    const traces = async (text: string, values: readonly string[] = VALUES) =>
      (await checkSql(text, values)).leavesTraces;
    for (const zone of ["'Europe/Paris'", "'UTC'"])
      assert.equal(await traces(`SELECT now() AT TIME ZONE ${zone}`), false);
    for (const zone of ["'abc5'", "'<x>5'", '$1'])
      assert.equal(await traces(`SELECT now() AT TIME ZONE ${zone}`), true);
    assert.equal(await traces("SELECT '2020-01-01 00:00 abc5'::timestamptz"), true);
    for (const value of [
      '2020-01-01 abc5',
      '00:00abc-5:30',
      'today  ab:c+1',
      'Jan 1 2020 abc5',
      '["20200101 abc5"]',
    ])
      assert.equal(await traces('SELECT $1::timestamptz', [value]), true, value);
    for (const value of [
      '2020-01-01T10:20:30.123Z',
      '2020-01-01 10:20:30+02:00',
      '0190abc5-abc5-7abc-8abc-abcdef012345',
      'sku abc123',
    ])
      assert.equal(await traces('SELECT $1', [value]), false, value);
    for (const call of [
      'now() AT TIME ZONE left(name, 20)',
      "date_trunc('day', at, left(name, 20))",
      "date_add(at, '1 day', left(name, 20))",
      'make_timestamptz(2020, 1, 1, 1, 1, 1, left(name, 20))',
      "generate_series(at, at, '1 day', left(name, 20))",
    ])
      await refused(`SELECT ${call} ${FROM}`, /time zone must be a constant or a bound value/);
    await refused(`SELECT ARRAY[left(name, 20)]::timestamptz[] ${FROM}`, /array of dates or times/);
    const printed = async (value: string) => (await checkSql(`SELECT ${value} ${FROM}`, VALUES)).text;
    for (const value of ["(metadata->>'due')::timestamptz", '(at || name)::date', 'coalesce(name)::timetz'])
      assert.match(await printed(value), /regexp_replace/, value);
    for (const value of [
      'at::date',
      'max(at)::date',
      "(at + interval '1 day')::date",
      "'2020-01-01'::date",
      '$1::date',
    ])
      assert.doesNotMatch(await printed(value), /regexp_replace/, value);
  });

  it('bounds the places in which a statement keeps rows', async () => {
    const many: string[] = [
      `SELECT ${join(9, 'count(DISTINCT seq + #)')} ${FROM}`,
      `SELECT ${join(9, 'count(*) OVER (ORDER BY seq + #)')} ${FROM}`,
      `SELECT ${join(9, 'percentile_cont(0.#) WITHIN GROUP (ORDER BY seq)')} ${FROM}`,
      `SELECT 1 FROM ROWS FROM (${join(10, 'generate_series(1, 9)')}) f`,
      `SELECT ${join(9, '1 > ALL (SELECT generate_series(1, 9))')}`,
      `SELECT ${join(9, 'EXISTS (SELECT DISTINCT generate_series(1, 9))')}`,
      `SELECT ${join(9, 'EXISTS (SELECT generate_series(1, 9) ORDER BY 1)')}`,
      nest(9, 'SELECT 1', (one) => `(${one}) UNION SELECT 2`),
    ];
    for (const text of many) await refused(text, /in more than 8 ways/);
    await checkSql(`SELECT ${join(20, 'lag(seq, #) OVER (ORDER BY at)')} ${FROM}`);
  });

  it('keeps no rows in a hash table, which would know no bound', async () => {
    await refused(
      'WITH RECURSIVE a AS (SELECT 1 AS i UNION SELECT i + 1 FROM a) SELECT i FROM a',
      /UNION ALL/,
    );
    await checkSql('WITH RECURSIVE a AS (SELECT 1 AS i UNION SELECT 2) SELECT i FROM a');
    const printed = async (condition: string) =>
      (await checkSql(`SELECT 1 ${FROM} r WHERE ${condition}`)).text.replaceAll(/\s+/g, ' ');
    const ids = '(SELECT id FROM ledger.visible_timeline)';
    const same = '(SELECT 1 FROM ledger.visible_timeline b WHERE b.parent_id = r.id)';
    // Joins.
    assert.match(await printed(`id IN ${ids}`), /id IN \(SELECT/);
    assert.match(await printed(`seq = 1 AND r.id = ANY ${ids}`), /r\.id = ANY|r\.id IN/);
    assert.doesNotMatch(await printed(`EXISTS ${same} AND NOT EXISTS ${same}`), /OFFSET/);
    // Not joins.
    for (const condition of [
      `id NOT IN ${ids}`,
      `seq = 1 OR id IN ${ids}`,
      `'00000000-0000-0000-0000-000000000000' IN ${ids}`,
      `(id = ANY ${ids}) = true`,
    ])
      assert.match(await printed(condition), /<> ALL \(SELECT/);
    assert.match(await printed(`seq = 1 OR EXISTS ${same}`), /OFFSET 0/);
  });

  it('sorts no long values on their own, since PostgreSQL does not count their bytes', async () => {
    const printed = async (text: string) => (await checkSql(text, VALUES)).text.replaceAll(/\s+/g, ' ');
    const wide = `(SELECT metadata->>'a' AS t ${FROM})`;
    const long = `(SELECT left(name, 2000) AS t ${FROM})`;
    assert.match(
      await printed(`SELECT metadata->>'a' AS k, count(*) ${FROM} GROUP BY 1 ORDER BY k`),
      /GROUP BY 1, num_nulls\(metadata ->> 'a'\) ORDER BY k, num_nulls\(metadata ->> 'a'\)$/,
    );
    assert.match(
      await printed(`SELECT DISTINCT metadata->>'a' ${FROM}`),
      /DISTINCT ON \(metadata ->> 'a', num_nulls/,
    );
    assert.match(
      await printed(`SELECT id ${FROM} ORDER BY lower(name) DESC`),
      /lower\(name\) DESC, num_nulls\(lower/,
    );
    assert.match(
      await printed(`SELECT rank() OVER (PARTITION BY metadata->>'a') ${FROM}`),
      /PARTITION BY .*, num_nulls/,
    );
    assert.match(
      await printed(`SELECT rank() OVER (ORDER BY metadata->>'a') ${FROM}`),
      /ORDER BY .*, num_nulls/,
    );
    assert.match(
      await printed(`SELECT 1 FROM ${long} a, ${long} b WHERE a.t = b.t`),
      /greatest\(a\.t\) = greatest\(b\.t\)/i,
    );
    assert.match(await printed(`SELECT 1 FROM ${long} a WHERE a.t IN (SELECT who ${FROM})`), /<> ALL/);
    assert.match(await printed(`SELECT 1 ${FROM} WHERE who IN ${long}`), /<> ALL/);
    for (const narrow of [
      `SELECT DISTINCT entity_type ${FROM} ORDER BY entity_type`,
      `SELECT DISTINCT ON (lower(name)) id ${FROM} ORDER BY lower(name), at`,
      `SELECT at::date, count(*) ${FROM} GROUP BY 1 ORDER BY 1`,
      `SELECT id, lower(name) AS n ${FROM} ORDER BY n, id`,
      `SELECT count(DISTINCT who), count(DISTINCT left(metadata->>'a', 1000)) ${FROM}`,
      `SELECT who ${FROM} UNION SELECT did ${FROM}`,
      `SELECT 1 ${FROM} a JOIN ledger.visible_timeline b USING (id)`,
    ])
      assert.doesNotMatch(await printed(narrow), /num_nulls|greatest/i);
    for (const text of [
      `SELECT count(DISTINCT metadata->>'a') ${FROM}`,
      `SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY metadata->>'a') ${FROM}`,
      `SELECT metadata->>'a' ${FROM} UNION SELECT who ${FROM}`,
      `SELECT t FROM ${wide} a JOIN ${wide} b USING (t)`,
      `SELECT 1 FROM ${wide} a NATURAL JOIN ${wide} b`,
      `SELECT DISTINCT * FROM ${wide} a`,
      `SELECT metadata->>'a' AS t ${FROM} UNION ALL SELECT who ${FROM} ORDER BY t`,
      `SELECT rank() OVER (ORDER BY metadata->'a' RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) ${FROM}`,
    ])
      await refused(text, /values that can be \d+ KiB long/);
  });
});

import assert from 'node:assert/strict';
import { checkSql } from '../../../runtime/sandbox';
import { FROM, join, nest, refused, VALUES } from './sql-guard-fixture';

describe('SQL guard charges what PostgreSQL evaluates and makes, however short the text', () => {
  const copied: [string, string, RegExp][] = [
    [
      'BETWEEN copies its left side',
      `SELECT ${nest(24, 'true', (one) => `coalesce(${one} BETWEEN false AND true, false)`)}`,
      /can take \d+ ms/,
    ],
    [
      'IN copies its left side for each column',
      `SELECT 1 ${FROM} WHERE ${nest(6, 'is_deleted', (one) => `(${one} IN (${join(10, 'is_deleted')}))`)}`,
      /can take \d+ ms/,
    ],
    [
      'IN copies a row for each row',
      `SELECT ${nest(5, 'true', (one) => `((${one}, 1) IN (${join(8, '(true, #)')}))`)}`,
      /can take \d+ ms/,
    ],
    [
      'the planner copies the columns of a subquery',
      nest(
        4,
        `SELECT is_deleted AS a ${FROM}`,
        (one) => `SELECT (${join(60, 'a', ' AND ')}) AS a FROM (${one}) s`,
      ),
      /can take \d+ ms/,
    ],
    [
      'the planner copies the columns of VALUES',
      `SELECT ${join(150, 'length(column1)')} FROM (VALUES (upper(upper($1)))) v`,
      /can take \d+ ms/,
    ],
    [
      'a select list has at most 1,664 columns, as in PostgreSQL',
      `SELECT ${join(99, '*')} FROM (SELECT ${join(20, '1 AS c#')}) s`,
      /more than 1664 columns/,
    ],
  ];
  for (const [title, text, message] of copied) it(title, () => refused(text, message, ['x'.repeat(60_000)]));

  it('the end of a UUID is no number with an exponent', async () => {
    const id = '0199e123-4567-7abc-8def-12345e678901';
    for (const value of [id, `{${id}}`, `["${id}"]`]) await checkSql('SELECT $1::text', [value]);
  });

  const grows: [string, string, RegExp, (readonly string[])?][] = [
    [
      'concat_ws repeats its separator',
      `SELECT concat_ws(this, ${join(100, '1')}) ${FROM}`,
      /MiB|can take \d+ ms/,
    ],
    [
      'trim compares each character with each of a set',
      `SELECT btrim(this, $1) ${FROM}`,
      /can take/,
      ['x'.repeat(99)],
    ],
    ['a set of characters that trim does not know', `SELECT btrim(this, who) ${FROM}`, /must be a constant/],
    ['JSON has no exponents', 'SELECT $1::jsonb::text', /MiB|can take/, [`[${join(9_000, '1e999', ',')}]`]],
    ['an exponent behind a colon', 'SELECT $1::jsonb', /exponent/, ['{"a":1e130000}']],
    ['an exponent behind a backslash', 'SELECT $1::jsonb[]', /exponent/, ['{"[1e13\\\\1071]"}']],
    ['a text with an exponent that SQL makes', "SELECT ('1e' || '131071'::text)::jsonb", /cast to jsonb/],
    ['1,000 digits behind the point', 'SELECT 0::numeric(1, 1000)', /scale of numeric/],
    ['1,000 zeros before the point', 'SELECT $1::numeric(100, -1000)', /scale of numeric/],
    ['many digits for each element', 'SELECT $1::numeric(100, 90)[]', /scale of a list/],
    ['2,000 digits of a short number', 'SELECT round(1.5, 2000)', /digits that round keeps/],
    ['digits that the query computes', `SELECT trunc(1.5, seq) ${FROM}`, /digits that trunc keeps/],
    ['a text is many intervals', `SELECT this::interval[] ${FROM}`, /MiB|can take/],
    [
      'a format spells out its words',
      nest(
        2,
        `SELECT to_char(at, '${'J'.repeat(600)}') AS t ${FROM}`,
        (one) => `SELECT ${join(30, 't', '||')} AS t FROM (${one}) s`,
      ),
      /MiB|can take/,
    ],
    ['random of a long number', `SELECT random(0.0, '${'9'.repeat(2_000)}')`, /short values only/],
    [
      'one copy for each fraction',
      `SELECT percentile_disc($1::float8[]) WITHIN GROUP (ORDER BY this) ${FROM}`,
      /fraction/,
    ],
    [
      'JSON without each of many keys',
      `SELECT metadata - $1::text[] ${FROM}`,
      /can take/,
      [`{${join(900, 'a', ',')}}`],
    ],
    ['JSON without keys of the row', `SELECT metadata - related_to::text[] ${FROM}`, /what - removes/],
  ];
  for (const [title, text, message, values] of grows)
    it(`refuses ${title}`, () => refused(text, message, values));

  it('reads a long number in no time', async () => {
    await checkSql('SELECT $1, $2', ['1'.repeat(65_000), '1_'.repeat(32_000)]);
    await checkSql(`SELECT '${'1'.repeat(19_000)}'`);
  });

  it('takes words that look like a number with an exponent', async () => {
    await checkSql("SELECT $1, '7e12345-x'", ['123e4567-e89b-12d3-a456-426614174000']);
    const texts = ['fixed in 4e12345', 'commit 4e12345, Größe #12e4567', 'https://example.com/p?id=1e123456'];
    for (const value of texts) await checkSql('SELECT $1', [value]);
    await checkSql('SELECT $1', [JSON.stringify(texts)]);
    await checkSql('SELECT $1::jsonb', ['{"sku": "12e345678", "\\"of": ["9e12345678", {"n": 1e5}]}']);
  });

  it('refuses a number with a long exponent wherever PostgreSQL reads one', async () => {
    for (const value of [
      ' 1e130000 ',
      '-.5E+130000',
      '[1, -1e130000 ]',
      '{"a": [true, 1e130000]}',
      '{"\\"": 1e130000, "b": ""}',
      '{1,\n1e130000}',
      '{{"1"}, { "1e130000" }}',
      '[1:1]={1e130000}',
      JSON.stringify(['\n1e130000']),
      JSON.stringify(['[\v1e130000]']),
    ])
      await refused('SELECT $1', /exponent/, [value]);
  });

  it('finds numbers behind much white space in no time', async () => {
    const space = ' '.repeat(30_000);
    for (const start of ['', '{', '['])
      await checkSql('SELECT $1', [`${start}x${space}1${space}${'1 '.repeat(2_000)}`]);
  });

  it('lets no number of a recursive query grow with each turn', async () => {
    const recursive = (start: string, next: string) =>
      `WITH RECURSIVE a AS (SELECT 1 AS i, ${start} AS n UNION ALL SELECT i + 1, ${next} FROM a WHERE i < 9) SELECT n FROM a`;
    for (const next of ['n + n', 'round(n * n)', 'abs(n * n)', 'sum(n) OVER ()', 'mod(n * n, n)'])
      await refused(recursive('7.0', next), /grows/);
    await checkSql(recursive('0', 'n + i * 2 - length($1)'), VALUES);
    await checkSql(recursive('7.0', '(n + n)::numeric'));
    await checkSql(recursive('now()', "(n + interval '1 day')::timestamptz"));
  });

  it('charges what stands behind VALUES and UNION', async () => {
    const gathers = `(SELECT ARRAY(SELECT this ${FROM}))`;
    await refused(`VALUES (1) ORDER BY ${gathers}`, /gathers any number/);
    await refused(`VALUES (1) LIMIT cardinality(${gathers})`, /gathers any number/);
    await refused(
      `WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT 2 ORDER BY ${gathers}) SELECT 1 FROM a`,
      /gathers/,
    );
    await refused(
      `WITH RECURSIVE a AS (SELECT 1 AS i UNION ALL SELECT i FROM a ORDER BY 1) SELECT 1 FROM a`,
      /SelectStmt\.sortClause/,
    );
  });

  it('cuts texts by number only, since substring takes regular expressions, too', async () => {
    const { text } = await checkSql(
      "SELECT substring(name FROM 2 FOR 3), substring(name, '(a+)+$') FROM ledger.visible_timeline",
    );
    assert.doesNotMatch(text, /substring\(/i);
    assert.match(text, /substr\(name, 2, 3\)/);
  });
});

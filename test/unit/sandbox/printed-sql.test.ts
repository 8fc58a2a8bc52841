import assert from 'node:assert/strict';
import { checkSql } from '../../../runtime/sandbox';
import { FROM, refused, VALUES } from './sql-guard-fixture';

describe("SQL guard prints the server's text from the checked tree", () => {
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
    const number = "trim_scale(CAST('1' AS numeric(60, 20)))";
    assert.equal(await printed("SELECT '1'::numeric"), `SELECT ${number} AS "numeric"`);
    assert.equal(await printed("SELECT '1'::numeric AS n"), `SELECT ${number} AS n`);
  });

  it('leaves a column the name that PostgreSQL gives the expression as written', async () => {
    for (const [value, name] of [
      ["(metadata->>'due')::timestamptz", 'timestamptz'],
      ['name::date', 'name'],
      ['coalesce(name)::date::text', 'coalesce'],
      ['substring(name, 2)', 'substring'],
      ["x.n = 'a'", undefined],
      ['greatest(1, 2)', undefined],
    ] as const) {
      const text = await printed(`SELECT ${value} FROM (SELECT name, metadata, who AS n ${FROM}) x`);
      const [, given] = /^SELECT .*? AS "?(\w+)"? FROM \( ?SELECT name,/.exec(text) ?? [];
      assert.equal(given, name, text);
    }
  });

  it('refuses a bound number of 130,000 digits', async () => {
    await refused(`SELECT sum(seq) * $1 ${FROM}`, /exponent/, ['1e130000']);
    await refused(`SELECT sum(seq) = ANY ($1) ${FROM}`, /exponent/, ['[1,"1E+130000"]']);
  });

  it('refuses statements that it cannot print exactly', async () => {
    const frame = 'ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING';
    await refused(`SELECT sum(seq) OVER (ORDER BY at ${frame}) ${FROM}`, /cannot be passed on exactly/);
  });

  it('prints IN of a query before IS NULL and IS TRUE, too', async () => {
    const query = `(SELECT seq ${FROM})`;
    for (const test of ['IS NULL', 'IS NOT TRUE', '= false'])
      assert.match(await printed(`SELECT (seq IN ${query}) ${test} ${FROM}`), new RegExp(`\\) ${test} FROM`));
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

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.join(__dirname, '../..');
const PAGE = readFileSync(path.join(ROOT, 'SECURITY.md'), 'utf8');
const TESTS = readdirSync(path.join(ROOT, 'test'), { recursive: true, encoding: 'utf8' }).map((file) =>
  file.replaceAll(path.sep, '/'),
);

/** Cells of the rows of the table below a heading. */
function rowsUnder(heading: string): string[][] {
  const part = PAGE.split(/^## /m).find((one) => one.startsWith(`${heading}\n`)) ?? '';
  return [...part.matchAll(/^\| (?!\|)(.+) \|$/gm)]
    .map(([, row = '']) => row.split(' | '))
    .filter(([first = '']) => !/^-+$/.test(first) && !first.startsWith('|'));
}

/** Tests that a text names: files, or folders of them. */
function testsIn(text: string): readonly string[] {
  return [...text.matchAll(/`([\w./-]+(?:\.test\.ts|\/))`/g)].map(([, name = '']) => name);
}

function isThere(name: string): boolean {
  if (name.includes('/')) return existsSync(path.join(ROOT, name));
  return TESTS.filter((file) => path.posix.basename(file) === name).length === 1;
}

describe('SECURITY.md', () => {
  it('names tests that exist, none of them ambiguously', () => {
    const named = testsIn(PAGE);
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter((name) => !isThere(name)),
      [],
    );
  });

  it('has a line for each of the OWASP API Security Top 10, with its test', () => {
    const rows = rowsUnder('OWASP API Security Top 10 (2023)').filter(([first = '']) => /^API\d/.test(first));
    assert.deepEqual(
      rows.map(([first = '']) => /^API(\d+) /.exec(first)?.[1]),
      ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'],
    );
    for (const row of rows) assert.ok(testsIn(row.at(-1) ?? '').length > 0, row[0]);
  });

  it('names a test for each bound', () => {
    const rows = rowsUnder('Bounds').slice(1);
    assert.ok(rows.length > 8);
    for (const row of rows) assert.ok(testsIn(row.at(-1) ?? '').length > 0, row[0]);
  });
});

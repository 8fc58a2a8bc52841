import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const ROOT = path.join(__dirname, '../..');
const README = path.join(ROOT, 'bench/README.md');

const bench = (...args: string[]) =>
  promisify(execFile)(
    process.execPath,
    ['--require', './cli/register-typescript.js', 'bench/index.ts', ...args],
    {
      cwd: ROOT,
      maxBuffer: 16 * 1024 * 1024,
    },
  );

describe('npm run bench', function () {
  this.timeout(600_000);

  it('runs every bench to its end with --quick, and keeps none of their figures', async () => {
    const before = await readFile(README, 'utf8');
    const { stdout } = await bench('--quick');
    for (const what of [
      'singles, 32 callers, of the single-row limit',
      'through the queue, of raw batches of 100',
      'p50 of any page',
      'runs of a trivial function a second',
      'claim rate',
      'a night of',
      'spans a second from a live ledger',
      'spans imported a second',
      'commit → proof, p99',
      'Stage-0, load time over an empty handler',
      'of the rate at 10,000',
      'slowest call of user SQL',
    ]) {
      assert.match(stdout, new RegExp(`(met|MISSED) .*${what}`), what);
    }
    assert.match(stdout, /The cheapest way to carry a rate all day/);
    assert.equal(await readFile(README, 'utf8'), before);
  });

  it('refuses an unknown name, and lists the benches', async () => {
    await assert.rejects(bench('ingets'), (error: { code?: unknown; stderr?: unknown }) => {
      assert.equal(error.code, 2);
      assert.match(String(error.stderr), /unknown: ingets\s[\s\S]*ingest, client, timeline/);
      return true;
    });
  });
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = path.resolve(__dirname, '..', '..');

describe('npm test', function () {
  this.timeout(60_000);
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'logline-mocha-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  for (const [what, hook] of [
    ['whose hook failed half-way', "throw new Error('half-way')"],
    ['that passed', ''],
  ] as const) {
    it(`ends a run ${what} and left something open, and the run has failed`, async () => {
      const file = path.join(folder, 'open.test.ts');
      await writeFile(
        file,
        `describe('x', () => { before(() => { setInterval(() => 0, 1000); ${hook} }); it('y', () => 0); });`,
      );
      await assert.rejects(
        run(process.execPath, [path.join(ROOT, 'test', 'run.js'), file], {
          cwd: ROOT,
          timeout: 45_000,
        }),
        (error: { code: unknown; stderr: string }) => {
          assert.equal(error.code, 1);
          assert.match(error.stderr, /something keeps the run open \(.*Timeout/);
          return true;
        },
      );
    });
  }
});

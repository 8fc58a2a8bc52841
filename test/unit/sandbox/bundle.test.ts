import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { WASM_BUNDLE_FILE, WORKER_BUNDLE_FILE, wasmFile } from '../../../runtime/sandbox/wasm-module';
import { task } from './sandbox-fixture';

type Sandbox = typeof import('../../../runtime/sandbox');

const sources = join(__dirname, '../../../runtime/sandbox');

/** Bundles as in the artifact: two CommonJS files side by side, and binaries that cannot be inlined. */
function bundle(directory: string, entry: string, outfile: string): void {
  const { warnings } = buildSync({
    entryPoints: [join(sources, entry)],
    outfile: join(directory, outfile),
    bundle: true,
    minify: true,
    keepNames: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    logLevel: 'silent',
  });
  assert.deepEqual(warnings, []);
}

describe('bundled sandbox', () => {
  let directory: string;
  let workerFile: string;
  const load = (): Sandbox => createRequire(join(directory, 'x.js'))('./index.js');

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'logline-sandbox-'));
    workerFile = join(directory, WORKER_BUNDLE_FILE);
    bundle(directory, 'index.ts', 'index.js');
    bundle(directory, 'worker.cts', WORKER_BUNDLE_FILE);
    copyFileSync(wasmFile(), join(directory, WASM_BUNDLE_FILE));
    const require = createRequire(__filename);
    copyFileSync(
      join(require.resolve('libpg-query'), '../libpg-query.wasm'),
      join(directory, 'libpg-query.wasm'),
    );
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('runs code, crypto included, from two plain CommonJS bundles', async () => {
    const pool = new (load().SandboxPool)({ size: 1 });
    const outcome = await pool.run(
      task(
        'async function main(ctx) { return [ctx.crypto.hex(ctx.crypto.blake3("")).length, (await ctx.sql`SELECT 1`).name]; }',
      ),
    );
    assert.deepEqual(outcome.ok && outcome.output, [64, 'sql']);
    await pool.close();
  });

  it('ends a loop and stays usable', async () => {
    const pool = new (load().SandboxPool)({ size: 1 });
    const loop = await pool.run(task('function main() { for (;;); }', { limits: { cpuMs: 100 } }));
    assert.equal(loop.ok ? 'ok' : loop.error.code, 'cpu_limit');
    assert.equal((await pool.run(task('function main() { return 1; }'))).ok, true);
    await pool.close();
  });

  it('guards SQL', async () => {
    const { checkSql } = load();
    await checkSql('SELECT id FROM ledger.visible_timeline');
    await assert.rejects(checkSql("SELECT set_config('a', 'b', true)"), /set_config is not allowed/);
  });

  it('starts its worker with an empty environment and none of the arguments of the process', async () => {
    const good = readFileSync(workerFile);
    const pool = new (load().SandboxPool)({ size: 1 });
    try {
      writeFileSync(
        workerFile,
        `const { parentPort } = require('node:worker_threads');
        parentPort.on('message', ({ run }) => {
          const output = JSON.stringify([Object.keys(process.env), process.execArgv, process.argv.slice(2)]);
          parentPort.postMessage({ type: 'done', run, output, cpuMs: 0, calls: 0 });
        });
        parentPort.postMessage({ type: 'ready' });`,
      );
      const outcome = await pool.run(task(''));
      assert.deepEqual(outcome.ok && outcome.output, [[], [], []]);
    } finally {
      writeFileSync(workerFile, good);
      await pool.close();
    }
  });

  const broken: Record<string, string> = {
    'throws while it runs the code':
      "const { parentPort: p } = require('node:worker_threads'); p.on('message', () => { throw new Error('bug'); }); p.postMessage({ type: 'ready' });",
    'exits while it runs the code':
      "const { parentPort: p } = require('node:worker_threads'); p.on('message', () => process.exit(3)); p.postMessage({ type: 'ready' });",
    'throws as it starts': "throw new Error('bug');",
    'ends as it starts': '',
  };
  for (const [what, source] of Object.entries(broken)) {
    it(`reports a crash and recovers when the worker ${what}`, async () => {
      const good = readFileSync(workerFile);
      const faults: Error[] = [];
      const pool = new (load().SandboxPool)({ size: 1, onFault: (error) => faults.push(error) });
      try {
        writeFileSync(workerFile, source);
        const outcome = await pool.run(
          task('function main() { return 1; }', { limits: { cpuMs: 20_000, wallMs: 20_000 } }),
        );
        assert.ok(!outcome.ok);
        assert.equal(outcome.error.code, 'crashed');
        assert.ok(faults.length > 0);
        assert.doesNotMatch(outcome.error.message, /sandbox-worker|bug/);
      } finally {
        writeFileSync(workerFile, good);
      }
      assert.equal((await pool.run(task('function main() { return 1; }'))).ok, true);
      await pool.close();
    });
  }
});

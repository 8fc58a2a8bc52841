import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const ROOT = path.join(__dirname, '..', '..', '..');

/** Allocated heap bytes a call, measured with a young generation large enough to avoid collections. */
function allocated(setup: string, once: string): number {
  const times = 2_000;
  const program = `
    const { cryptoReady, generateSigningKey } = require('./runtime/crypto');
    const { completeSpan } = require('./runtime/ledger/span-draft');
    const { hashAndSign, verifySpan } = require('./runtime/ledger/span-signature');
    const { sampleSpan } = require('./bench/harness/sample-spans');
    const key = generateSigningKey();
    const identity = { user: 'alice', tenant: 'acme' };
    const at = new Date(0);
    cryptoReady().then(() => {
      ${setup}
      const run = (count) => { for (let n = 0; n < count; n += 1) { ${once} } };
      run(500);
      gc();
      const before = process.memoryUsage().heapUsed;
      run(${times});
      console.log((process.memoryUsage().heapUsed - before) / ${times});
    });`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      ...['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'],
      ...['--require', path.join(ROOT, 'cli', 'register-typescript.js'), '-e', program],
    ],
    { cwd: ROOT, encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  return Number(stdout);
}

// Garbage per span, which limits the append rate besides PostgreSQL. The bounds
// are a third above the measured values.
describe('allocations', () => {
  for (const [what, bound, setup, once] of [
    [
      'completing, hashing and signing a span',
      12_700,
      '',
      'hashAndSign(completeSpan(sampleSpan(n), identity, at), key);',
    ],
    [
      'verifying a span',
      7_700,
      'const { span } = hashAndSign(completeSpan(sampleSpan(1), identity, at), key);',
      'if (!verifySpan(span).ok) throw new Error("it must verify");',
    ],
  ] as const) {
    it(`${what} takes at most ${bound.toLocaleString('en-US')} bytes of heap`, () => {
      const bytes = allocated(setup, once);
      assert.ok(bytes > 500, `${bytes} bytes: nothing was measured`);
      assert.ok(bytes <= bound, `${Math.round(bytes)} bytes`);
    });
  }
});

import assert from 'node:assert/strict';
import type { SignedSpan } from '../../../../runtime/base/span';
import type { KernelContext } from '../../../../runtime/kernels/kernel-context';
import { evaluate } from '../../../../runtime/kernels/policy/policy-evaluation';
import { SandboxPool } from '../../../../runtime/sandbox';

/** Milliseconds of a run by the clock; ten of them are longer than five seconds, and shorter than fifteen. */
const RUN_BY_CLOCK_MS = 700;

describe('the evaluation of a policy on many spans', function () {
  this.timeout(60_000);
  let sandbox: SandboxPool;
  before(() => {
    sandbox = new SandboxPool({ size: 1 });
  });
  after(() => sandbox.close());

  /**
   * Verdicts of a policy's code on spans, and the number of runs of the sandbox.
   * @param runMs milliseconds that each run takes by the clock of the evaluation. Defaults to what it takes
   */
  async function evaluated(code: string, spans: readonly object[], runMs?: number) {
    let runs = 0;
    const { now } = performance;
    const clock = runMs === undefined ? now : () => runs * runMs;
    const ctx: Pick<KernelContext, 'manifest' | 'remainingMs' | 'sandbox'> = {
      remainingMs: () => 60_000,
      manifest: async () => ({}) as Awaited<ReturnType<KernelContext['manifest']>>,
      sandbox: async (task) => {
        runs += 1;
        performance.now = now;
        try {
          return await sandbox.run({ ...task, env: {}, hostCall: async () => null });
        } finally {
          performance.now = clock;
        }
      },
    };
    const policy = { code } as SignedSpan;
    performance.now = clock;
    try {
      const { verdicts } = await evaluate(ctx as KernelContext, policy, spans as SignedSpan[]);
      return { verdicts, runs };
    } finally {
      performance.now = now;
    }
  }

  it('finds the span that it died on, however much the policy prints', async () => {
    const code = `function on(span) {
      console.log(span.this.repeat(20_000));
      if (span.this === '20') for (;;);
      return null;
    }`;
    const spans = Array.from({ length: 46 }, (_, index) => ({ this: String(index) }));
    const { verdicts, runs } = await evaluated(code, spans);
    assert.deepEqual(
      verdicts.map(({ ok }, index) => (ok ? -1 : index)).filter((index) => index >= 0),
      [20],
    );
    // All, those before it, it, those after it.
    assert.equal(runs, 4);
  });

  it('isolates three poison spans in one turn, by CPU time and not by the clock', async () => {
    const code = "function on(span) { if (['7', '20', '45'].includes(span.this)) for (;;); return null; }";
    const spans = Array.from({ length: 46 }, (_, index) => ({ this: String(index) }));
    const { verdicts, runs } = await evaluated(code, spans, RUN_BY_CLOCK_MS);
    // By the clock it took longer than a turn may by CPU time.
    assert.ok(runs * RUN_BY_CLOCK_MS > 5_000, `${runs} runs`);
    assert.equal(verdicts.length, 46);
    assert.equal(verdicts.filter(({ ok }) => !ok).length, 3);
  });
});

import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { TURN_BYTES } from '../../../runtime/base/fair-turns';
import { createFairness } from '../../../runtime/stage0/fairness';

const MIB = 1024 * 1024;

describe('the shares of a process', () => {
  /** What one tenant gets when it is alone: half of all. */
  const halves = {
    bodies: 16 * MIB,
    spans: 16 * MIB,
    appends: 1_000,
    work: 32,
    reads: 4,
    compressions: 1,
  } as const;
  for (const [name, half] of Object.entries(halves) as [keyof typeof halves, number][]) {
    it(`a tenant alone gets ${half} of ${name}, and the next one still finds room`, () => {
      const shares = createFairness()[name];
      // A first amount is granted up to the whole; the next one shows the share.
      const first = shares.tryTake('alone', 1);
      assert.ok(first !== undefined);
      if (half > 1) assert.ok(shares.tryTake('alone', half - 1) !== undefined);
      assert.equal(shares.tryTake('alone', 1), undefined);
      assert.ok(shares.tryTake('next', 1) !== undefined);
    });
  }
});

describe('turns of a process', () => {
  /** How often a heavy tenant rests while a light one is active. */
  async function restsOf(isShared: boolean): Promise<number> {
    const { turns } = createFairness({ isShared });
    await turns.take('light', 1);
    const heavy = async () => {
      for (let piece = 0; piece < 10; piece += 1) {
        await turns.take('heavy', TURN_BYTES);
        for (const end = performance.now() + 5; performance.now() < end; );
      }
    };
    await Promise.all([heavy(), heavy()]);
    return turns.rests;
  }

  it('let heavy tenants rest where many requests are served at a time, and only there', async () => {
    assert.ok((await restsOf(true)) > 0);
    assert.equal(await restsOf(false), 0);
  });
});

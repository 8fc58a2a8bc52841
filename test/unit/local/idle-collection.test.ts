import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { IdleCollection } from '../../../local/idle-collection';
import { until } from '../../support/until';

describe('collection of an idle process', () => {
  let collected = 0;
  let idle: IdleCollection;
  beforeEach(() => {
    collected = 0;
    idle = new IdleCollection(() => {
      collected += 1;
    }, 3_600_000);
  });
  afterEach(() => idle.stop());

  it('comes once when a busy process becomes idle', () => {
    for (const utilization of [0.9, 0.3, 0.01, 0, 0.02]) idle.look(utilization);
    assert.equal(collected, 1);
    for (const utilization of [0.5, 0]) idle.look(utilization);
    assert.equal(collected, 2);
  });

  it('comes by itself, from looks of its own', async () => {
    const looking = new IdleCollection(() => {
      collected += 1;
    }, 20);
    try {
      for (const end = performance.now() + 200; performance.now() < end; );
      await until('it was collected', () => collected > 0);
    } finally {
      looking.stop();
    }
  });

  it('does not come while there is work, nor for a process that had none', () => {
    for (const utilization of [0, 0.1, 0.02]) idle.look(utilization);
    for (const utilization of [0.9, 0.1, 0.3]) idle.look(utilization);
    assert.equal(collected, 0);
  });

  it('gives back what a process no longer holds', () => {
    const real = IdleCollection.start();
    try {
      const held = new WeakRef({ large: new Uint8Array(1024) });
      real.look(1);
      return new Promise<void>((resolve) => {
        // A WeakRef is held until the turn that made it is over.
        setImmediate(() => {
          real.look(0);
          assert.equal(held.deref(), undefined);
          resolve();
        });
      });
    } finally {
      real.stop();
    }
  });
});

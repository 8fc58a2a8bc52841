import assert from 'node:assert/strict';
import { EdgeGuard } from '../../../runtime/lambda/edge-guard';
import type { SecretStage } from '../../../runtime/lambda/secret-reader';
import { FAR_AHEAD_MS, withClockAhead } from '../../support/clock';

describe('a stack behind its distribution', () => {
  const values: Partial<Record<SecretStage, string>> = {};
  let reads = 0;
  const reader = {
    read: async (_arn: string, stage: SecretStage = 'AWSCURRENT') => {
      reads += 1;
      return values[stage];
    },
  };
  beforeEach(() => {
    values.AWSCURRENT = 'one';
    values.AWSPREVIOUS = undefined;
    reads = 0;
  });

  it('admits calls with its header, and none without it or with another value', async () => {
    const guard = await EdgeGuard.open(reader, 'arn');
    assert.equal(await guard.admits('one'), true);
    assert.equal(await guard.admits('two'), false);
    assert.equal(await guard.admits(''), false);
    assert.equal(await guard.admits(undefined), false);
  });

  it('admits no call while the secret is empty', async () => {
    values.AWSCURRENT = undefined;
    assert.equal(await (await EdgeGuard.open(reader, 'arn')).admits(''), false);
  });

  it('accepts the new and the previous value during a rotation', async () => {
    const warm = await EdgeGuard.open(reader, 'arn');
    values.AWSPREVIOUS = 'one';
    values.AWSCURRENT = 'two';
    assert.equal(await warm.admits('one'), true);
    assert.equal(await warm.admits('two'), true);
    const cold = await EdgeGuard.open(reader, 'arn');
    assert.equal(await cold.admits('two'), true);
    assert.equal(await cold.admits('one'), true);
  });

  it('reads the secret again once the clock was set back', async () => {
    const guard = await EdgeGuard.open(reader, 'arn');
    assert.equal(await withClockAhead(FAR_AHEAD_MS, () => guard.admits('two')), false);
    values.AWSCURRENT = 'two';
    assert.equal(await guard.admits('two'), true);
  });

  it('reads the secret at most once more, whatever the number of guesses', async () => {
    const guard = await EdgeGuard.open(reader, 'arn');
    for (let guess = 0; guess < 50; guess += 1) assert.equal(await guard.admits(`guess ${guess}`), false);
    // One at the start, then both versions once.
    assert.equal(reads, 3);
  });
});

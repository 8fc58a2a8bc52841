import assert from 'node:assert/strict';
import { isYounger } from '../../../runtime/base/age';

describe('the age of what is remembered', () => {
  it('is young until it has the given age', () => {
    assert.equal(isYounger(1_000, 500, 1_000), true);
    assert.equal(isYounger(1_000, 500, 1_499), true);
    assert.equal(isYounger(1_000, 500, 1_500), false);
  });

  it('is unknown when its time lies ahead, since the clock was set back', () => {
    assert.equal(isYounger(1_001, 500, 1_000), false);
  });
});

import assert from 'node:assert/strict';
import { LineBudget } from '../../../runtime/log/line-budget';

describe('budget of log lines', () => {
  it('limits the lines of a second, and reports in the next one how many it dropped', () => {
    let nowMs = 1_000_000;
    const told: number[] = [];
    const budget = new LineBudget(
      3,
      (skipped) => told.push(skipped),
      () => nowMs,
    );
    const taken = (): number => Array.from({ length: 10 }, () => budget.take()).filter(Boolean).length;
    assert.equal(taken(), 3);
    assert.deepEqual(told, []);
    nowMs += 1_000;
    assert.equal(taken(), 3);
    assert.deepEqual(told, [7]);
    nowMs += 60_000;
    assert.equal(budget.take(), true);
    assert.deepEqual(told, [7, 7]);
  });
});

import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { ThreadPace } from '../../../runtime/base/thread-pace';

/** Keeps the thread busy. */
function work(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

describe('the pace of a thread', () => {
  it('asks for a rest after work, for none after the rest, and never for a long one', () => {
    const pace = new ThreadPace();
    work(10);
    assert.ok(pace.restMs() > 0);
    work(500);
    assert.equal(pace.restMs(), 250);
    pace.rested();
    assert.ok(pace.restMs() < 250);
  });
});

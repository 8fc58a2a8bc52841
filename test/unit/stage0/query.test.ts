import assert from 'node:assert/strict';
import { MalformedError } from '../../../runtime/base/errors';
import { parseQuery } from '../../../runtime/stage0/query';
import { validateTimelineQuery } from '../../../runtime/stage0/validators.generated';

const requestWith = (query: string) => new Request(`http://localhost/api/timeline?${query}`);

describe('the query of a request', () => {
  it('with more parameters than any route takes is refused before each is judged', () => {
    const names = Array.from({ length: 101 }, (_, index) => `p${index}=1`).join('&');
    assert.throws(
      () => parseQuery(requestWith(names), validateTimelineQuery),
      (error) =>
        error instanceof MalformedError &&
        error.faults.length === 1 &&
        error.faults[0]?.detail === 'has more than 100 parameters',
    );
  });

  it('with fewer has each faulty one named', () => {
    const names = Array.from({ length: 50 }, (_, index) => `p${index}=1`).join('&');
    assert.throws(
      () => parseQuery(requestWith(names), validateTimelineQuery),
      (error) => error instanceof MalformedError && error.faults.length === 50,
    );
  });
});

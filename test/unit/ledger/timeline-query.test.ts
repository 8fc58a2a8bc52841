import assert from 'node:assert/strict';
import { timelineQuery } from '../../../runtime/ledger/timeline-query';

describe('the statement of a page', () => {
  const request = {
    identity: { user: 'alice', tenant: 'acme' },
    order: 'desc',
    limit: 10,
    after: undefined,
  } as const;

  it('is prepared by name for a single filter, since most pages are of few kinds', () => {
    assert.match(timelineQuery({ ...request, filter: { who: 'a' } }).name ?? '', /^timeline_/);
  });

  it('is planned each time for a repeated filter: hundreds of large plans in each connection would fill the memory', () => {
    const filters = [{ who: 'a' }, { who: 'b' }];
    assert.equal(timelineQuery({ ...request, filter: { who: 'a' }, anyOf: filters }).name, undefined);
  });
});

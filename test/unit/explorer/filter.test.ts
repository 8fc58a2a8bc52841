import assert from 'node:assert/strict';
import { filterOf, searchOf, withoutValue, withValue } from '../../../explorer/src/filter';
import { TIMELINE_QUERY } from '../../../runtime/stage0/span-routes';

const read = (query: string) => filterOf(new URLSearchParams(query));

describe('a filter in an address', () => {
  it('is written as it is read, several values included', () => {
    const query = 'entity_type=invoice&entity_type=receipt&who=ana&since=2026-01-01T00%3A00%3A00Z';
    const { filter, faults } = read(query);
    assert.deepEqual(faults, []);
    assert.equal(searchOf(filter).toString(), query);
  });

  it('that cannot be applied is a fault, never passed over', () => {
    for (const query of [
      'colour=red',
      'who=',
      'visibility=secret',
      'parent_id=7',
      'since=yesterday',
      'limit=5',
    ])
      assert.equal(read(query).faults.length, 1, query);
    const many = ['a', 'b', 'c', 'd'].flatMap((one) => [`who=${one}`, `status=${one}`]).join('&');
    assert.match(read(many).faults.join(), /16 combinations/);
  });

  it('may be every filter that the ledger has', () => {
    const {
      cursor: _cursor,
      limit: _limit,
      order: _order,
      ...filters
    } = TIMELINE_QUERY.properties as Record<string, unknown>;
    // Feed positions rather than filters; the tail starts at the end by itself.
    const known = Object.keys(filters).filter((name) => name !== 'from' && name !== 'after');
    const id = '0197f0aa-0000-7000-8000-000000000000';
    const values: Record<string, string> = {
      visibility: 'public',
      parent_id: id,
      related_to: id,
      since: '2026-01-01T00:00:00Z',
      until: '2026-01-01T00:00:00Z',
    };
    for (const name of known)
      assert.deepEqual(read(`${name}=${encodeURIComponent(values[name] ?? 'x')}`).faults, [], name);
  });

  it('gets and loses values one by one', () => {
    const { filter } = read('who=ana');
    const both = withValue(withValue(filter, 'who', 'bob'), 'who', 'bob');
    assert.equal(searchOf(both).toString(), 'who=ana&who=bob');
    assert.equal(searchOf(withoutValue(withoutValue(both, 'who', 'ana'), 'who', 'bob')).toString(), '');
  });
});

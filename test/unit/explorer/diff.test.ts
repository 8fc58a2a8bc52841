import assert from 'node:assert/strict';
import { differencesOf, MAX_DIFFERENCES } from '../../../explorer/src/diff';

describe('the difference of two versions', () => {
  it('is shown member by member, at any depth, without members that always differ', () => {
    const before = {
      seq: 0,
      curr_hash: 'a',
      who: 'ana',
      metadata: { 'a/b~': [1, { deep: true }], gone: null },
    };
    const after = { seq: 1, curr_hash: 'b', who: 'ana', metadata: { 'a/b~': [1, { deep: false }, 3] } };
    assert.deepEqual(differencesOf(before, after), [
      { pointer: '/metadata/a~1b~0/1/deep', before: true, after: false },
      { pointer: '/metadata/a~1b~0/2', before: undefined, after: 3 },
      { pointer: '/metadata/gone', before: null, after: undefined },
    ]);
  });

  it('distinguishes a list from an object, and a member called __proto__ from none', () => {
    assert.equal(differencesOf({ metadata: [] }, { metadata: {} }).length, 1);
    assert.equal(differencesOf({ metadata: JSON.parse('{"__proto__":1}') }, { metadata: {} }).length, 1);
  });

  it('is limited to a readable number of members', () => {
    const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`m${index}`, index]));
    assert.equal(differencesOf({ metadata: many }, { metadata: {} }).length, MAX_DIFFERENCES);
  });
});

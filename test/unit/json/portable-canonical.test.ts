import assert from 'node:assert/strict';
import vm from 'node:vm';
import fc from 'fast-check';
import { canonicalText, MAX_JSON_DEPTH } from '../../../runtime/json/canonical-json';
import { portableCanonical } from '../../../runtime/json/portable-canonical';
import { readVectors } from '../../vectors/read-vectors';

const { documents } = readVectors<{ documents: { what: string; input: string; output: string }[] }>(
  'rfc8785.json',
);

const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

describe('portable canonical JSON', () => {
  for (const { what, input, output } of documents) {
    it(`must write the example of ${what}`, () => {
      assert.equal(portableCanonical(JSON.parse(input)), output);
    });
  }

  it('must write what canonicalText writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        // As it was parsed: members called __proto__ included.
        const parsed: unknown = JSON.parse(JSON.stringify(value));
        assert.equal(portableCanonical(parsed), canonicalText(parsed));
      }),
    );
    for (const value of [
      -0,
      1e21,
      JSON.parse('{"__proto__":{"b":1,"a":2},"10":1,"9":2}'),
      nested(MAX_JSON_DEPTH),
      Object.create(null),
      vm.runInNewContext('({ b: [1], a: {} })'),
    ])
      assert.equal(portableCanonical(value), canonicalText(value));
  });

  it('must refuse what canonicalText refuses', () => {
    for (const value of [
      undefined,
      () => 1,
      Symbol('x'),
      1n,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '\ud83d',
      { '\ud83d': 1 },
      { a: undefined },
      [undefined],
      new Array(1),
      new Date(0),
      { toJSON: () => 1 },
      new (class Point {})(),
      nested(MAX_JSON_DEPTH + 1),
    ]) {
      assert.throws(() => canonicalText(value), TypeError);
      assert.throws(() => portableCanonical(value), TypeError);
    }
  });
});

import assert from 'node:assert/strict';
import vm from 'node:vm';
import fc from 'fast-check';
import type { JsonValue } from '../../../runtime/base/span';
import { hex, utf8 } from '../../../runtime/crypto';
import {
  canonicalText,
  canonicalTextInSlices,
  MAX_JSON_DEPTH,
  referenceCanonicalText,
} from '../../../runtime/json/canonical-json';
import { readVectors } from '../../vectors/read-vectors';

const rfc8785 = readVectors<{
  documents: { what: string; input: string; output: string }[];
  numbers: { bits: string; text: string }[];
  notNumbers: string[];
}>('rfc8785.json');

function doubleOf(bits: string): number {
  return Buffer.from(bits, 'hex').readDoubleBE();
}

function nested(depth: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

describe('canonical JSON', () => {
  for (const { what, input, output } of rfc8785.documents) {
    it(`must write the example of ${what}`, () => {
      assert.equal(canonicalText(JSON.parse(input)), output);
      assert.equal(hex(utf8(canonicalText(JSON.parse(input)))), Buffer.from(output, 'utf8').toString('hex'));
    });
  }

  it('must write the numbers of RFC 8785 Appendix B', () => {
    for (const { bits, text } of rfc8785.numbers) assert.equal(canonicalText(doubleOf(bits)), text, bits);
    for (const bits of rfc8785.notNumbers) assert.throws(() => canonicalText(doubleOf(bits)), TypeError);
  });

  it('must not depend on the order in which members were added', () => {
    assert.equal(canonicalText({ b: 1, a: { d: 2, c: 3 } }), canonicalText({ a: { c: 3, d: 2 }, b: 1 }));
  });

  it('must parse back to the value it was, and be its own canonical form', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        const text = canonicalText(value);
        assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
        assert.equal(canonicalText(JSON.parse(text)), text);
      }),
    );
  });

  it('must write the same in slices, and refuse what it refuses', async () => {
    const inSlices = (value: JsonValue) => canonicalTextInSlices(value, () => undefined);
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ stringUnit: 'grapheme' }), async (value) => {
        // As parsed, including members called __proto__.
        const parsed = JSON.parse(JSON.stringify(value)) as JsonValue;
        assert.equal(await inSlices(parsed), canonicalText(parsed));
      }),
    );
    const nested = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as JsonValue;
    assert.equal(await inSlices(nested(MAX_JSON_DEPTH)), canonicalText(nested(MAX_JSON_DEPTH)));
    for (const bad of ['\ud83d', { '\ud83d': 1 }, [Number.NaN], nested(MAX_JSON_DEPTH + 1)])
      await assert.rejects(inSlices(bad), TypeError);
  });

  it('must let others have the thread every few thousand values, whatever shape they have', async () => {
    const shapes: readonly JsonValue[] = [
      Array(40_000).fill(1),
      Array(40_000).fill({}),
      Array(8_000).fill({ b: 1, a: [2, 3] }),
      Object.fromEntries(Array.from({ length: 40_000 }, (_, index) => [`${index % 7}-${index}`, index])),
    ];
    for (const shape of shapes) {
      let pauses = 0;
      await canonicalTextInSlices(shape, () => {
        pauses += 1;
        return undefined;
      });
      assert.ok(pauses >= 9, `${pauses} pauses`);
    }
  });

  it('must write and refuse as the reference does, whatever it is given', () => {
    const outcome = (write: (value: unknown) => string, value: unknown): string => {
      try {
        return write(value);
      } catch (error) {
        return `refused: ${error instanceof TypeError ? error.message : String(error)}`;
      }
    };
    const leaf = fc.oneof(
      fc.anything({ withDate: true, withBigInt: true, withSparseArray: true, withNullPrototype: true }),
      fc.double(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(-0, undefined, '\ud800', Symbol('s'), { 9: Object.assign([1], { more: 2 }), 10: 0 }),
    );
    const member = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('__proto__', 'toJSON', 'a"b', '\udc00'),
    );
    fc.assert(
      fc.property(fc.oneof(leaf, fc.array(leaf), fc.dictionary(member, leaf)), (value) => {
        assert.equal(outcome(canonicalText, value), outcome(referenceCanonicalText, value));
      }),
      { numRuns: 2_000 },
    );
  });

  it('must order members by UTF-16 code units, however many they are and whether or not they look like numbers', () => {
    const plain = fc.string({ unit: fc.constantFrom(...'abyzAZ_é\ufb33😀'), minLength: 1, maxLength: 4 });
    const special = fc.oneof(
      fc.nat({ max: 120 }).map(String),
      fc.constantFrom('', '__proto__', '10', '9', '-1', '4294967295'),
    );
    const listOf = (name: fc.Arbitrary<string>) => fc.uniqueArray(name, { maxLength: 60, size: 'max' });
    const written = (names: readonly string[]) =>
      `{${names.map((each) => `${JSON.stringify(each)}:{}`).join()}}`;
    fc.assert(
      fc.property(fc.oneof(listOf(plain), listOf(fc.oneof(plain, special))), (names) => {
        const sorted = [...names].sort((a, b) => (a < b ? -1 : 1));
        assert.equal(canonicalText(JSON.parse(written(names))), written(sorted));
      }),
    );
  });

  it('must keep a member called __proto__', () => {
    assert.equal(canonicalText(JSON.parse('{"z":1,"__proto__":{"x":1}}')), '{"__proto__":{"x":1},"z":1}');
  });

  it('must accept plain objects of another realm, such as a sandbox', () => {
    assert.equal(canonicalText(vm.runInNewContext('({ b: [1], a: {} })')), '{"a":{},"b":[1]}');
  });

  const notJson: [string, unknown][] = [
    ['undefined', { a: undefined }],
    ['undefined in a list', [undefined]],
    ['a hole in a list', new Array(1)],
    ['a function', { a: () => 1 }],
    ['a symbol', [Symbol('s')]],
    ['a bigint', { a: 1n }],
    ['NaN', { a: Number.NaN }],
    ['infinity', [-Infinity]],
    ['a Date', { a: new Date() }],
    ['a Map', { a: new Map() }],
    ['bytes', { a: new Uint8Array(1) }],
    ['a boxed number', { a: Object(1) }],
    ['toJSON', { toJSON: () => 'something else' }],
    ['a lone surrogate', { a: 'x\ud800' }],
    ['a lone surrogate in a name', { 'x\udc00': 1 }],
  ];
  for (const [what, value] of notJson) {
    it(`must refuse ${what} rather than drop or change it`, () => {
      assert.throws(() => canonicalText(value), TypeError);
    });
  }

  it('must say where the fault is', () => {
    assert.throws(() => canonicalText({ a: [{ 'b/c~': Number.NaN }] }), /'\/a\/0\/b~1c~0': NaN/);
  });

  it(`must take ${MAX_JSON_DEPTH} levels and refuse one more, or a cycle`, () => {
    assert.doesNotThrow(() => canonicalText(nested(MAX_JSON_DEPTH)));
    assert.throws(() => canonicalText(nested(MAX_JSON_DEPTH + 1)), /deeper/);
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    assert.throws(() => canonicalText(cycle), /deeper/);
  });
});

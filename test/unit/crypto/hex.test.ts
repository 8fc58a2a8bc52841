import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hex, hexPattern, toU8, utf8 } from '../../../runtime/crypto';

describe('hex', () => {
  it('must come back as the bytes it was', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        assert.deepEqual(toU8(hex(bytes)), bytes);
        assert.match(hex(bytes), /^[0-9a-f]*$/);
      }),
    );
  });

  it('must respect the window of a view', () => {
    assert.equal(hex(new Uint8Array([1, 2, 3, 4]).subarray(1, 3)), '0203');
  });

  it('must read upper case', () => {
    assert.deepEqual(toU8('FFa0'), new Uint8Array([255, 160]));
  });

  for (const wrong of ['f', 'zz', '0x00', 'ab ', ' ab', 'abcg', '١١', 'a\n']) {
    it(`must refuse ${JSON.stringify(wrong)} rather than stop at the fault`, () => {
      assert.throws(() => toU8(wrong), TypeError);
    });
  }

  it('must not hand out memory that Node shares between buffers', () => {
    assert.equal(toU8('abcd').buffer.byteLength, 2);
  });

  it('must anchor the pattern at both ends', () => {
    assert.equal(hexPattern(1).test('ab'), true);
    for (const wrong of ['abc', 'AB', 'ab\n', 'a']) assert.equal(hexPattern(1).test(wrong), false, wrong);
  });

  it('must write UTF-8', () => {
    assert.equal(hex(utf8('é😀')), 'c3a9f09f9880');
  });
});

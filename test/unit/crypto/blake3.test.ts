import assert from 'node:assert/strict';
import fc from 'fast-check';
import { blake3, cryptoReady, hex, nobleBlake3 } from '../../../runtime/crypto';
import { readVectors } from '../../vectors/read-vectors';

const vectors = readVectors<{ tests: { inputLength: number; hash: string }[] }>('blake3.json').tests;

function vectorInput(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index % 251);
}

describe('blake3', () => {
  before(cryptoReady);

  for (const { inputLength, hash } of vectors) {
    it(`must give the official hash of ${inputLength} bytes, by WebAssembly and by noble`, () => {
      assert.equal(hex(blake3(vectorInput(inputLength))), hash);
      assert.equal(hex(nobleBlake3(vectorInput(inputLength))), hash);
    });
  }

  it('must equal noble on any input', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
        assert.deepEqual(blake3(bytes), nobleBlake3(bytes));
      }),
    );
  });

  it('must hash only the window of a view', () => {
    const buffer = Buffer.from('xxabcxx');
    assert.deepEqual(blake3(buffer.subarray(2, 5)), blake3(Buffer.from('abc')));
  });

  it('must give each caller its own bytes', () => {
    const first = blake3(Buffer.from('a'));
    const kept = hex(first);
    blake3(Buffer.from('b'));
    assert.equal(hex(first), kept);
  });

  it('must refuse what is not bytes, which the hasher would take for text', () => {
    // A caller without types.
    assert.throws(() => blake3('abc' as unknown as Uint8Array), TypeError);
  });
});

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { blake3, blake3OfText, cryptoReady, hex, nobleBlake3 } from '../../../runtime/crypto';
import { portableBlake3 } from '../../../runtime/crypto/portable-blake3';
import { readVectors } from '../../vectors/read-vectors';

const vectors = readVectors<{ tests: { inputLength: number; hash: string }[] }>('blake3.json').tests;

function vectorInput(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index % 251);
}

describe('blake3', () => {
  before(cryptoReady);

  for (const { inputLength, hash } of vectors) {
    it(`must give the official hash of ${inputLength} bytes, by WebAssembly, by noble and in a browser`, () => {
      assert.equal(hex(blake3(vectorInput(inputLength))), hash);
      assert.equal(hex(nobleBlake3(vectorInput(inputLength))), hash);
      assert.equal(hex(portableBlake3(vectorInput(inputLength))), hash);
    });
  }

  it('must equal noble on any input', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
        assert.deepEqual(blake3(bytes), nobleBlake3(bytes));
        assert.deepEqual(portableBlake3(bytes), nobleBlake3(bytes));
      }),
    );
  });

  it('must hash the UTF-8 bytes of a text, whatever its length and the width of its characters', () => {
    const hashOf = (text: string) => hex(nobleBlake3(Buffer.from(text, 'utf8')));
    for (const character of ['x', 'é', '歌', '😀']) {
      for (const bytes of [0, 1, 64 * 1024, 192 * 1024, 1024 * 1024]) {
        const count = Math.floor(bytes / Buffer.byteLength(character));
        for (const text of [character.repeat(count), character.repeat(count + 1)]) {
          assert.equal(hex(blake3OfText(text)), hashOf(text), `${text.length} of ${character}`);
        }
      }
    }
    assert.equal(hex(blake3OfText('short')), hashOf('short'), 'after a long one');
  });

  it('must hash only the window of a view', () => {
    const buffer = Buffer.from('xxabcxx');
    for (const hash of [blake3, portableBlake3])
      assert.deepEqual(hash(buffer.subarray(2, 5)), hash(Buffer.from('abc')));
  });

  it('must give each caller its own bytes', () => {
    const first = blake3(Buffer.from('a'));
    const kept = hex(first);
    blake3(Buffer.from('b'));
    assert.equal(hex(first), kept);
  });

  it('must refuse values other than bytes, which the hasher would take for text', () => {
    // A caller without types.
    assert.throws(() => blake3('abc' as unknown as Uint8Array), TypeError);
  });
});

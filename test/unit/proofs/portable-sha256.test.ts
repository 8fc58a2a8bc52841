import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hex } from '../../../runtime/crypto';
import { sha256 } from '../../../runtime/crypto/sha256';
import { portableSha256 } from '../../../runtime/proofs/portable-sha256';

describe('portable SHA-256', () => {
  it('must give the digests of FIPS 180-4', () => {
    for (const [text, digest] of [
      ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
      ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
      [
        'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
        '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
      ],
    ] as const) {
      assert.equal(hex(portableSha256(Buffer.from(text))), digest);
    }
  });

  it("must equal Node's for every length up to three blocks, and for parts", () => {
    for (let length = 0; length < 200; length += 1) {
      const bytes = new Uint8Array(length).fill(length);
      assert.equal(hex(portableSha256(bytes)), hex(sha256(bytes)));
    }
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (parts) => {
        assert.equal(hex(portableSha256(...parts)), hex(sha256(...parts)));
        assert.equal(hex(sha256(...parts)), hex(sha256(Buffer.concat(parts))));
      }),
    );
  });
});

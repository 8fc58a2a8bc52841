import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ed25519, hex, nobleEd25519, toU8, verifyAsync } from '../../../runtime/crypto';
import { isRefusedPoint } from '../../../runtime/crypto/ed25519-point';
import { readVectors } from '../../vectors/read-vectors';

const rfc8032 = readVectors<{
  tests: { secretKey: string; publicKey: string; message: string; signature: string }[];
}>('rfc8032-ed25519.json').tests;
const wycheproof = readVectors<{
  tests: { tcId: number; comment: string; pk: string; msg: string; sig: string; result: string }[];
}>('wycheproof-ed25519.json').tests;
const taming = readVectors<{
  tests: { message: string; publicKey: string; signature: string; what: string; accepted: boolean }[];
}>('taming-eddsa.json').tests;

const implementations = { 'node:crypto': ed25519, noble: nobleEd25519 };
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

for (const [name, implementation] of Object.entries(implementations)) {
  describe(`ed25519 by ${name}`, () => {
    it('must give the keys and signatures of RFC 8032', () => {
      for (const test of rfc8032) {
        const secretKey = toU8(test.secretKey);
        assert.equal(hex(implementation.publicKey(secretKey)), test.publicKey);
        assert.equal(hex(implementation.sign(toU8(test.message), secretKey)), test.signature);
        assert.equal(
          implementation.verify(toU8(test.signature), toU8(test.message), toU8(test.publicKey)),
          true,
        );
      }
    });

    for (const test of wycheproof) {
      it(`must find Wycheproof ${test.tcId} ${test.result} ${test.comment}`, () => {
        const accepted = implementation.verify(toU8(test.sig), toU8(test.msg), toU8(test.pk));
        assert.equal(accepted, test.result === 'valid');
      });
    }

    for (const test of taming) {
      it(`must ${test.accepted ? 'accept' : 'refuse'}: ${test.what}`, () => {
        const accepted = implementation.verify(
          toU8(test.signature),
          toU8(test.message),
          toU8(test.publicKey),
        );
        assert.equal(accepted, test.accepted);
      });
    }

    it('must refuse every encoding of a small-order public key, which could sign anything', () => {
      // With such a key and R the identity, S = 0 satisfies the equation for one message in at most eight.
      for (const publicKey of smallOrderEncodings()) {
        for (const r of smallOrderEncodings()) {
          const signature = toU8(`${r}${'00'.repeat(32)}`);
          assert.equal(implementation.verify(signature, new Uint8Array(0), toU8(publicKey)), false);
        }
      }
    });

    it('must answer false, not throw, for wrong lengths and for points off the curve', () => {
      const { signature, message, publicKey } = signedSample();
      assert.equal(implementation.verify(signature.subarray(1), message, publicKey), false);
      assert.equal(implementation.verify(signature, message, publicKey.subarray(1)), false);
      assert.equal(implementation.verify(new Uint8Array(0), message, new Uint8Array(0)), false);
      const offCurve = toU8(`02${'00'.repeat(31)}`);
      assert.equal(implementation.verify(signature, message, offCurve), false);
    });

    it('must refuse a secret key of another length', () => {
      assert.throws(() => implementation.sign(new Uint8Array(1), new Uint8Array(64)), /32 bytes/);
      assert.throws(() => implementation.publicKey(new Uint8Array(31)), /32 bytes/);
    });
  });
}

describe('ed25519 by node:crypto and by noble', () => {
  it('must agree on keys, signatures and verdicts for any input', () => {
    fc.assert(
      fc.property(bytes32, fc.uint8Array({ maxLength: 200 }), (secretKey, message) => {
        const publicKey = ed25519.publicKey(secretKey);
        assert.deepEqual(publicKey, nobleEd25519.publicKey(secretKey));
        const signature = ed25519.sign(message, secretKey);
        assert.deepEqual(signature, nobleEd25519.sign(message, secretKey));
        assert.equal(ed25519.verify(signature, message, publicKey), true);
        assert.equal(nobleEd25519.verify(signature, message, publicKey), true);
      }),
      { numRuns: 25 },
    );
  });

  it('must both refuse a signature, message or key with any bit flipped', () => {
    const { signature, message, publicKey } = signedSample();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 64 * 8 + 32 * 8 + 32 * 8 - 1 }), (bit) => {
        const all = Uint8Array.from([...signature, ...message, ...publicKey]);
        all[bit >> 3] = (all[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const parts = [all.subarray(0, 64), all.subarray(64, 96), all.subarray(96)] as const;
        assert.equal(ed25519.verify(...parts), false);
        assert.equal(nobleEd25519.verify(...parts), false);
      }),
      { numRuns: 60 },
    );
  });
});

describe('ed25519 on another thread', () => {
  it('must decide every vector as it does on this one', async () => {
    const cases = [
      ...wycheproof.map(({ sig, msg, pk }) => [sig, msg, pk] as const),
      ...taming.map(({ signature, message, publicKey }) => [signature, message, publicKey] as const),
      ...rfc8032.map(({ signature, message, publicKey }) => [signature, message, publicKey] as const),
      ['', '', ''] as const,
    ];
    const outcomes = await Promise.all(
      cases.map((parts) => {
        const [signature, message, publicKey] = [toU8(parts[0]), toU8(parts[1]), toU8(parts[2])];
        return verifyAsync(signature, message, publicKey);
      }),
    );
    for (const [index, parts] of cases.entries()) {
      const [signature, message, publicKey] = [toU8(parts[0]), toU8(parts[1]), toU8(parts[2])];
      assert.equal(outcomes[index], ed25519.verify(signature, message, publicKey), parts.join(' '));
    }
    assert.equal(new Set(outcomes).size, 2);
  });
});

describe('a refused point', () => {
  it('must be every encoding of a point of small order, whatever the verifier behind it does', () => {
    for (const encoding of smallOrderEncodings())
      assert.equal(isRefusedPoint(toU8(encoding)), true, encoding);
  });

  it('must be every y from p to 2^255 - 1, with either sign', () => {
    for (let low = 0xed; low <= 0xff; low += 1) {
      for (const high of ['7f', 'ff']) {
        const encoding = low.toString(16) + 'ff'.repeat(30) + high;
        assert.equal(isRefusedPoint(toU8(encoding)), true, encoding);
      }
    }
  });

  it('must be no other encoding: not p - 2, not a neighbour, not a key in use', () => {
    const others = [
      `eb${'ff'.repeat(30)}7f`,
      `ff${'ff'.repeat(30)}7e`,
      `ff${'ff'.repeat(29)}fe7f`,
      `ed00${'ff'.repeat(29)}7f`,
      `02${'00'.repeat(31)}`,
      `00${'00'.repeat(30)}01`,
      ...rfc8032.map(({ publicKey }) => publicKey),
    ];
    for (const encoding of others) assert.equal(isRefusedPoint(toU8(encoding)), false, encoding);
  });
});

function signedSample(): { signature: Uint8Array; message: Uint8Array; publicKey: Uint8Array } {
  const secretKey = new Uint8Array(32).fill(7);
  const message = new Uint8Array(32).fill(9);
  return {
    message,
    signature: ed25519.sign(message, secretKey),
    publicKey: ed25519.publicKey(secretKey),
  };
}

/** The eight points of small order in every encoding there is: both signs, reduced and not. */
function smallOrderEncodings(): string[] {
  const y = [
    '00'.repeat(32),
    `01${'00'.repeat(31)}`,
    `ec${'ff'.repeat(30)}7f`,
    `ed${'ff'.repeat(30)}7f`,
    `ee${'ff'.repeat(30)}7f`,
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  ];
  const withSign = (text: string) =>
    text.slice(0, 62) + (Number.parseInt(text.slice(62), 16) | 0x80).toString(16);
  return [...y, ...y.map(withSign)];
}

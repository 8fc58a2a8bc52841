import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ed25519, type SigningKey, signingKeyFromHex, toU8 } from '../../../runtime/crypto';
import { type GivenSignature, VerifyingThread } from '../../../runtime/crypto/verifying-thread';

const keys = ['07', '08', '09'].map((seed) => signingKeyFromHex(seed.repeat(32)));

function given(key: SigningKey | undefined): GivenSignature {
  assert.ok(key);
  const hash = Uint8Array.from(randomBytes(32));
  return { hash, signature: key.sign(hash), publicKey: toU8(key.publicKeyHex) };
}

/** Signatures of several keys, each of a kind in turn: good, over another hash, by another key, cut, of no point. */
function mixed(count: number): GivenSignature[] {
  return Array.from({ length: count }, (_, index): GivenSignature => {
    const good = given(keys[index % keys.length]);
    switch (index % 5) {
      case 1:
        return { ...good, hash: Uint8Array.from(randomBytes(32)) };
      case 2:
        return { ...good, publicKey: toU8(keys[(index + 1) % keys.length]?.publicKeyHex ?? '') };
      case 3:
        return { ...good, signature: good.signature.subarray(1) };
      case 4:
        // A point of small order, which OpenSSL alone would take.
        return { ...good, publicKey: Uint8Array.from([1, ...new Uint8Array(31)]) };
      default:
        return good;
    }
  });
}

const decidedHere = (batch: readonly GivenSignature[]): boolean[] =>
  batch.map(({ signature, hash, publicKey }) => ed25519.verify(signature, hash, publicKey));

describe('verifying aside', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'logline-verifying-'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('decides each signature of a batch as ed25519.verify does, however many batches are under way', async () => {
    const thread = new VerifyingThread();
    const batches = [1, 100, 0, 5, 500].map(mixed);
    const decided = await Promise.all(batches.map((batch) => thread.verify(batch)));
    assert.deepEqual(decided, batches.map(decidedHere));
    assert.equal(new Set(decided.flat()).size, 2);
  });

  it('refuses a hash of another length, and checks the next one', async () => {
    const thread = new VerifyingThread();
    const short = { ...given(keys[0]), hash: new Uint8Array(31) };
    await assert.rejects(thread.verify([given(keys[0]), short]), TypeError);
    assert.deepEqual(await thread.verify([given(keys[1])]), [true]);
  });

  for (const [what, source] of [
    ['ends as it starts', ''],
    [
      'throws at the first batch',
      "require('node:worker_threads').parentPort.on('message', () => { throw new Error('bug'); });",
    ],
  ] as const) {
    it(`decides the pending checks when the thread ${what}`, async () => {
      const file = join(directory, `${what.replaceAll(' ', '-')}.js`);
      writeFileSync(file, source);
      const thread = new VerifyingThread(file);
      const batches = [mixed(20), mixed(7)];
      assert.deepEqual(
        await Promise.all(batches.map((batch) => thread.verify(batch))),
        batches.map(decidedHere),
      );
    });
  }
});

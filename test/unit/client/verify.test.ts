import assert from 'node:assert/strict';
import fc from 'fast-check';
import { signerOf, verifySpan } from '../../../client/src/verify';
import { verifyEd25519 } from '../../../client/src/verify/web-ed25519';
import { hex, toU8 } from '../../../runtime/crypto';
import { verifySpan as verifyOnServer } from '../../../runtime/ledger/span-signature';
import { CLIENT_KEY, clientSpan, unsealedSpan } from '../../support/client-span';
import { readVectors } from '../../vectors/read-vectors';

const wycheproof = readVectors<{
  tests: { tcId: number; pk: string; msg: string; sig: string; result: string }[];
}>('wycheproof-ed25519.json').tests;
const taming = readVectors<{
  tests: { message: string; publicKey: string; signature: string; accepted: boolean }[];
}>('taming-eddsa.json').tests;

const faultsOf = async (span: unknown, options = {}) =>
  (await verifySpan(span, options)).faults.map(({ fault }) => fault);

describe('verification in the client', () => {
  it('accepts spans signed by an independent implementation', async () => {
    assert.deepEqual(await verifySpan(clientSpan()), { ok: true, faults: [] });
  });

  it('notices any change of content, however deeply nested, and of each member of the seal', async () => {
    const span = clientSpan();
    assert.deepEqual(await faultsOf({ ...span, metadata: { nested: { list: [1, { deep: 'other' }] } } }), [
      'hash',
    ]);
    assert.deepEqual(await faultsOf({ ...span, unknown: 1 }), ['hash']);
    assert.deepEqual(await faultsOf({ ...span, curr_hash: '0'.repeat(64) }), ['hash', 'signature']);
    assert.deepEqual(await faultsOf({ ...span, signature: '0'.repeat(128) }), ['signature']);
    assert.deepEqual(await faultsOf({ ...span, public_key: '1'.repeat(64) }), ['hash', 'signature']);
    const stranger = clientSpan({}, new Uint8Array(32).fill(9));
    assert.deepEqual(await faultsOf(stranger, { trustedKeys: new Set([span.public_key]) }), ['untrusted']);
  });

  it('finds malformed, and never throws for, whatever is no span', async () => {
    const span = clientSpan();
    const cyclic: Record<string, unknown> = { ...span };
    cyclic.metadata = cyclic;
    for (const value of [
      undefined,
      null,
      1,
      'x',
      [],
      {},
      cyclic,
      { ...span, at: '2025-06-01T12:00:00Z' },
      { ...span, id: String(span.id).toUpperCase() },
      { ...span, signature: undefined },
      { ...span, metadata: Number.NaN },
    ]) {
      assert.deepEqual(await faultsOf(value), ['malformed']);
    }
  });

  it('decides as the server does about any span', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.boolean(), async (metadata, isChanged) => {
        const span = clientSpan({ metadata });
        const shown = isChanged ? { ...span, did: 'something else' } : span;
        assert.equal((await verifySpan(shown)).ok, verifyOnServer(shown).ok);
      }),
      { numRuns: 100 },
    );
  });

  it('decides about signatures as the vectors of Wycheproof and "Taming the many EdDSAs" do', async () => {
    for (const { tcId, pk, msg, sig, result } of wycheproof) {
      assert.equal(await verifyEd25519(toU8(sig), toU8(msg), toU8(pk)), result === 'valid', `test ${tcId}`);
    }
    for (const { message, publicKey, signature, accepted } of taming) {
      assert.equal(await verifyEd25519(toU8(signature), toU8(message), toU8(publicKey)), accepted, signature);
    }
  });

  it('signs spans that it and the server accept', async () => {
    const sign = await signerOf(hex(CLIENT_KEY));
    const span = await sign(unsealedSpan());
    assert.deepEqual(span, clientSpan({ id: span.id }));
    assert.deepEqual([(await verifySpan(span)).ok, verifyOnServer(span).ok], [true, true]);
    await assert.rejects(signerOf('ab'), /64 hex digits/);
  });
});

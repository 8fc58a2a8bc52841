import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { verifySpanProof } from '../../../client/src/proofs';
import { checkJsonProof, type Instance } from '../../../client/src/proofs/json-proof';
import { parseTlogProof } from '../../../runtime/proofs/tlog-proof';

const example = (name: string): string =>
  readFileSync(path.join(__dirname, '../../vectors/log-example', name), 'utf8');
const vkeys = [example('log.vkey').trim(), example('witness.vkey').trim()];

/** The last part of a verifier key is a type and the key. */
const logKey = Buffer.from(vkeys[0]?.split('+').slice(2).join('+') ?? '', 'base64')
  .subarray(1)
  .toString('hex');
const instance: Instance = { origins: ['logline.example'], checkpointKeys: [logKey] };

const jsonOf = (name: string) => {
  const { index, hashes, checkpoint } = parseTlogProof(example(name));
  return { index, hashes: hashes.map((hash) => Buffer.from(hash).toString('base64')), checkpoint };
};

describe('the check of a proof as JSON', () => {
  const span = {
    id: '00000000-0000-7000-8000-000000000001',
    seq: 1,
    curr_hash: '1'.repeat(64),
    tenant_id: 'acme',
  };
  const proof = jsonOf('inclusion.1.tlog-proof');

  it('agrees with verifySpanProof on a valid proof', async () => {
    const { index, checkpoint } = await verifySpanProof(span, proof, vkeys);
    assert.deepEqual(await checkJsonProof(span, proof, instance), {
      state: 'included',
      index,
      size: checkpoint?.size,
      origin: checkpoint?.origin,
      root: checkpoint?.root,
    });
  });

  it("accepts the instance's name from before a restore", async () => {
    const restored = { ...instance, origins: ['logline.example/after', 'logline.example'] };
    assert.equal((await checkJsonProof(span, proof, restored)).state, 'included');
  });

  it('accepts no proof that verifySpanProof refuses', async () => {
    const [first = ''] = proof.hashes;
    for (const bad of [
      jsonOf('inclusion.0.tlog-proof'),
      { ...proof, index: 0 },
      { ...proof, index: 3 },
      { ...proof, hashes: [] },
      { ...proof, hashes: [...proof.hashes, first] },
      { ...proof, hashes: ['rubbish', ...proof.hashes.slice(1)] },
      { ...proof, checkpoint: proof.checkpoint.replace('\n3\n', '\n4\n') },
      { ...proof, checkpoint: proof.checkpoint.replace('acme', 'evil') },
      { ...proof, checkpoint: proof.checkpoint.slice(0, proof.checkpoint.indexOf('—')) },
      { ...proof, checkpoint: '' },
    ]) {
      assert.equal((await verifySpanProof(span, bad, vkeys)).ok, false);
      assert.equal((await checkJsonProof(span, bad, instance)).state, 'fault');
    }
    for (const other of [
      { ...span, seq: 2 },
      { ...span, curr_hash: '2'.repeat(64) },
    ])
      assert.equal((await checkJsonProof(other, proof, instance)).state, 'fault');
    for (const nothing of [undefined, null, 'text', { index: 1 }])
      assert.equal((await checkJsonProof(span, nothing, instance)).state, 'fault');
  });

  it("accepts no checkpoint of another tenant's log, of another instance, or by another key", async () => {
    for (const [subject, other] of [
      [{ ...span, tenant_id: 'evil' }, instance],
      [span, { ...instance, origins: ['elsewhere.example'] }],
      [span, { ...instance, checkpointKeys: [] }],
      [span, { ...instance, checkpointKeys: ['f'.repeat(64)] }],
    ] as const)
      assert.equal((await checkJsonProof(subject, proof, other)).state, 'fault');
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openCheckpoint, verifyConsistency, verifySpanProof } from '../../../client/src/proofs';
import { parseTlogProof } from '../../../runtime/proofs/tlog-proof';

const example = (name: string): string =>
  readFileSync(path.join(__dirname, '../../vectors/log-example', name), 'utf8');
const vkeys = [example('log.vkey').trim(), example('witness.vkey').trim()];
const span = { id: '00000000-0000-7000-8000-000000000001', seq: 1, curr_hash: '1'.repeat(64) };

describe('proofs in the client', () => {
  it('prove a span by the text of a proof and by its JSON, with the keys alone', async () => {
    const text = example('inclusion.1.tlog-proof');
    const { index, hashes, checkpoint } = parseTlogProof(text);
    const json = { index, hashes: hashes.map((hash) => Buffer.from(hash).toString('base64')), checkpoint };
    for (const proof of [text, json]) {
      const verdict = await verifySpanProof(span, proof, vkeys);
      assert.deepEqual(
        [verdict.ok, verdict.faults, verdict.index, verdict.checkpoint?.size],
        [true, [], 1, 3],
      );
    }
  });

  it('prove nothing for another span, with another key, or malformed', async () => {
    const text = example('inclusion.1.tlog-proof');
    for (const [subject, proof, keys] of [
      [{ ...span, seq: 2 }, text, vkeys],
      [span, example('inclusion.0.tlog-proof'), vkeys],
      [span, text, vkeys.slice(1)],
      [span, text, ['rubbish']],
      [span, 'rubbish', vkeys],
      [span, { index: 1, hashes: ['rubbish'], checkpoint: '' }, vkeys],
    ] as const) {
      const { ok, faults } = await verifySpanProof(subject, proof, keys);
      assert.deepEqual([ok, faults.length], [false, 1]);
    }
  });

  it('open a checkpoint and name its witnesses', async () => {
    const opened = await openCheckpoint(example('checkpoint.3.cosigned'), vkeys);
    assert.deepEqual(
      [opened.origin, opened.size, opened.witnesses],
      ['logline.example/acme', 3, [{ name: 'witness.example/w1', time: 1_764_115_200 }]],
    );
  });

  it('show whether a log only grew', async () => {
    const { hashes } = JSON.parse(example('consistency.1.3.json'));
    const check = (from: string, to: string) => verifyConsistency(example(from), example(to), hashes, vkeys);
    assert.equal((await check('checkpoint.1', 'checkpoint.3')).ok, true);
    assert.deepEqual(
      [(await check('checkpoint.2', 'checkpoint.3')).ok, (await check('checkpoint.3', 'checkpoint.1')).ok],
      [false, false],
    );
  });
});

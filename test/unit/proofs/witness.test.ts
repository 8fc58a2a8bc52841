import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cryptoReady, ed25519, signingKeyFromHex } from '../../../runtime/crypto';
import { sha256 } from '../../../runtime/crypto/sha256';
import { parseNote, verifyNote } from '../../../runtime/proofs/signed-note';
import { parseVerifierKey, verifierKeyText } from '../../../runtime/proofs/verifier-key';
import {
  addCheckpointText,
  parseAddCheckpoint,
  Witness,
  type WitnessedState,
  type WitnessStore,
} from '../../../runtime/proofs/witness';

const example = (name: string): string =>
  readFileSync(join(__dirname, '../../vectors/log-example', name), 'utf8');
const logKey = parseVerifierKey(sha256, example('log.vkey').trim());
/** Proof from two spans to three. */
const request = example('add-checkpoint.request');
const hashesTo3 = (from: number) =>
  JSON.parse(example(`consistency.${from}.3.json`)).hashes.map((hash: string) =>
    Uint8Array.from(Buffer.from(hash, 'base64')),
  );
const first = (size: number) =>
  addCheckpointText({ old: 0, hashes: [], checkpoint: example(`checkpoint.${size}`) });

class MemoryStore implements WitnessStore {
  readonly states = new Map<string, WitnessedState>();

  async read(origin: string): Promise<WitnessedState | undefined> {
    return this.states.get(origin);
  }

  async swap(origin: string, before: number, after: WitnessedState): Promise<boolean> {
    if ((this.states.get(origin)?.size ?? 0) !== before) return false;
    this.states.set(origin, after);
    return true;
  }
}

describe('a witness', () => {
  let store: MemoryStore;
  let witness: Witness;
  const statusOf = async (body: string): Promise<number> => (await witness.addCheckpoint(body)).status;

  before(() => cryptoReady());
  beforeEach(() => {
    store = new MemoryStore();
    witness = new Witness({
      name: 'witness.example/w1',
      key: signingKeyFromHex('22'.repeat(32)),
      logs: [logKey],
      store,
      now: () => 1_766_015_744_000,
    });
  });

  it('has the verifier key that others computed', () => {
    assert.equal(verifierKeyText(witness.verifierKey), example('witness.vkey').trim());
  });

  it('reads and writes requests byte for byte', () => {
    assert.equal(addCheckpointText(parseAddCheckpoint(request)), request);
  });

  it('cosigns a checkpoint that continues its last cosigned one', async () => {
    assert.equal(await statusOf(first(2)), 200);
    const answer = await witness.addCheckpoint(request);
    assert.equal(answer.status, 200);
    const note = parseNote(example('checkpoint.3') + answer.body);
    const [cosignature] = await verifyNote(note, [witness.verifierKey], ed25519.verify);
    assert.equal(cosignature?.time, 1_766_015_744);
    assert.equal(store.states.get(logKey.name)?.size, 3);
  });

  it('cosigns the same checkpoint again', async () => {
    await witness.addCheckpoint(first(3));
    const again = addCheckpointText({ old: 3, hashes: [], checkpoint: example('checkpoint.3') });
    assert.equal(await statusOf(again), 200);
  });

  it('answers 409 and its size when it has another one than the log thinks', async () => {
    assert.deepEqual(await witness.addCheckpoint(request), {
      status: 409,
      type: 'text/x.tlog.size',
      body: '0\n',
    });
    await witness.addCheckpoint(first(3));
    assert.deepEqual([await statusOf(request), (await witness.addCheckpoint(first(1))).body], [409, '3\n']);
  });

  it('answers 409 when another history of the same size was cosigned', async () => {
    await witness.addCheckpoint(first(3));
    store.states.set(logKey.name, { size: 3, root: new Uint8Array(32) });
    const again = addCheckpointText({ old: 3, hashes: [], checkpoint: example('checkpoint.3') });
    assert.equal(await statusOf(again), 409);
  });

  it('answers 422 to a wrong proof, and keeps its state', async () => {
    await witness.addCheckpoint(first(2));
    for (const hashes of [[], hashesTo3(1), [...hashesTo3(2), new Uint8Array(32)]]) {
      const body = addCheckpointText({ old: 2, hashes, checkpoint: example('checkpoint.3') });
      assert.equal(await statusOf(body), 422);
    }
    assert.equal(store.states.get(logKey.name)?.size, 2);
    store.states.clear();
    const withProof = addCheckpointText({
      old: 0,
      hashes: hashesTo3(1),
      checkpoint: example('checkpoint.3'),
    });
    assert.equal(await statusOf(withProof), 422);
  });

  it('answers 404 to unknown logs, 403 to other keys, 400 to malformed requests', async () => {
    const other = first(2).replace('logline.example/acme', 'logline.example/other');
    assert.equal(await statusOf(other), 404);
    assert.equal(await statusOf(first(2).replace('\n2\n', '\n4\n')), 403);
    const beyond = addCheckpointText({ old: 4, hashes: [], checkpoint: example('checkpoint.3') });
    assert.equal(await statusOf(beyond), 400);
    for (const body of ['', 'old 2', request.replace('old 2', 'old 02'), request.replace('old 2', 'new 2')]) {
      assert.equal(await statusOf(body), 400, body);
    }
  });

  it('gives one of two requests at a time its cosignature, and never goes back', async () => {
    await witness.addCheckpoint(first(1));
    const to = (size: number) =>
      addCheckpointText({
        old: 1,
        hashes: hashesTo3(1),
        checkpoint: example(`checkpoint.${size}`),
      });
    const statuses = await Promise.all([statusOf(to(3)), statusOf(to(3))]);
    assert.deepEqual(statuses.sort(), [200, 409]);
    assert.equal(store.states.get(logKey.name)?.size, 3);
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { witnessServer } from '../../../cli/proofs/run-witness';
import { WitnessFolder } from '../../../cli/proofs/witness-folder';
import { cryptoReady, ed25519 } from '../../../runtime/crypto';
import { sha256 } from '../../../runtime/crypto/sha256';
import { parseNote, verifyNote } from '../../../runtime/proofs/signed-note';
import { parseVerifierKey } from '../../../runtime/proofs/verifier-key';
import { addCheckpointText, Witness } from '../../../runtime/proofs/witness';

const example = (name: string): string =>
  readFileSync(path.join(__dirname, '../../vectors/log-example', name), 'utf8');
const first = addCheckpointText({ old: 0, hashes: [], checkpoint: example('checkpoint.2') });

describe('logline witness', () => {
  let folder: string;
  let server: Server;
  let witness: Witness;
  let url: string;

  const start = async (): Promise<void> => {
    const store = new WitnessFolder(folder);
    const logs = [parseVerifierKey(sha256, example('log.vkey').trim())];
    witness = new Witness({ name: 'witness.example/w1', key: await store.key(), logs, store });
    server = witnessServer(witness);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    url = `http://127.0.0.1:${address.port}/add-checkpoint`;
  };
  const stop = (): Promise<unknown> =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  const post = (body: string) => fetch(url, { method: 'POST', body });

  before(() => cryptoReady());
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'logline-witness-'));
    await start();
  });
  afterEach(async () => {
    await stop();
    await rm(folder, { recursive: true });
  });

  it('cosigns over HTTP, and keeps key and cosigned state over a restart', async () => {
    assert.equal((await post(first)).status, 200);
    await stop();
    await start();
    const behind = await post(first);
    assert.deepEqual(
      [behind.status, behind.headers.get('content-type'), await behind.text()],
      [409, 'text/x.tlog.size', '2\n'],
    );
    const answer = await post(example('add-checkpoint.request'));
    const note = parseNote(example('checkpoint.3') + (await answer.text()));
    assert.equal((await verifyNote(note, [witness.verifierKey], ed25519.verify)).length, 1);
  });

  it('cosigns one of several concurrent requests that continue from the same size', async () => {
    const statuses = await Promise.all(Array.from({ length: 10 }, async () => (await post(first)).status));
    assert.deepEqual(statuses.sort(), [200, ...Array.from({ length: 9 }, () => 409)]);
  });

  it('refuses other paths, other methods and large bodies', async () => {
    assert.equal((await fetch(url)).status, 405);
    assert.equal((await fetch(url.replace('add-', 'sub-'))).status, 404);
    assert.equal((await post('x'.repeat(73 * 1024))).status, 413);
  });

  it('cosigns nothing while its state cannot be read', async () => {
    await post(first);
    const logs = path.join(folder, 'logs');
    const [file = ''] = await readdir(logs);
    await writeFile(path.join(logs, file), '{}');
    assert.equal((await post(first)).status, 500);
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { buildLayer, type LayerName } from '../../../infra/bundle';
import { hex, signingKeyFromHex } from '../../../runtime/crypto';
import { CRYPTO_WORKER_FILE } from '../../../runtime/crypto/crypto-thread';
import { SigningThread } from '../../../runtime/crypto/signing-thread';

const ROOT = join(__dirname, '../../..');
const key = signingKeyFromHex('07'.repeat(32));

function someHashes(count: number): Uint8Array[] {
  return Array.from({ length: count }, () => Uint8Array.from(randomBytes(32)));
}

function signedHere(hashes: readonly Uint8Array[]): string[] {
  return hashes.map((hash) => hex(key.sign(hash)));
}

describe('signing aside', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'logline-signing-'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('gives every batch its own signatures in its own order, however many are under way', async () => {
    const other = signingKeyFromHex('08'.repeat(32));
    const batches = [1, 100, 0, 3, 1_000, 17].map(someHashes);
    const signatures = await Promise.all(
      batches.map((batch, index) => (index % 2 === 0 ? key : other).signOnThread(batch)),
    );
    for (const [index, batch] of batches.entries()) {
      const signer = index % 2 === 0 ? key : other;
      assert.deepEqual(
        signatures[index]?.map(hex),
        batch.map((hash) => hex(signer.sign(hash))),
      );
    }
  });

  it('refuses an invalid hash, and signs the next one', async () => {
    for (const length of [0, 31, 33]) {
      await assert.rejects(key.signOnThread([new Uint8Array(32), new Uint8Array(length)]), TypeError);
    }
    const hashes = someHashes(2);
    assert.deepEqual((await key.signOnThread(hashes)).map(hex), signedHere(hashes));
  });

  for (const [what, source] of [
    ['throws as it starts', "throw new Error('bug');"],
    ['ends as it starts', ''],
    ['throws at the second batch', answering("if (count === 2) throw new Error('bug');")],
    ['ends at the second batch', answering('if (count === 2) process.exit(3);')],
    ['does not exist', undefined],
  ] as const) {
    it(`signs the pending batches itself when the thread ${what}, and stays usable`, async () => {
      const file = join(directory, `${what.replaceAll(' ', '-')}.js`);
      if (source !== undefined) writeFileSync(file, source);
      const thread = new SigningThread(file);
      for (let round = 0; round < 2; round += 1) {
        const batches = [20, 30, 40].map(someHashes);
        const signatures = await Promise.all(batches.map((batch) => thread.sign(key.keyObject(), batch)));
        assert.deepEqual(
          signatures.map((batch) => batch.map(hex)),
          batches.map(signedHere),
        );
      }
    });
  }

  it('signs here when no thread can be started', async () => {
    // Node refuses this path before it creates a thread.
    const thread = new SigningThread('nowhere.js');
    const hashes = someHashes(20);
    assert.deepEqual((await thread.sign(key.keyObject(), hashes)).map(hex), signedHere(hashes));
  });

  it('starts its thread with an empty environment and none of the arguments of the process', async () => {
    const file = join(directory, 'nosy.js');
    writeFileSync(
      file,
      `const { parentPort } = require('node:worker_threads');
      parentPort.on('message', () => parentPort.postMessage(new Uint8Array(64).fill(
        Object.keys(process.env).length + process.execArgv.length + process.argv.slice(2).length)));`,
    );
    const [signature] = await new SigningThread(file).sign(key.keyObject(), someHashes(1));
    assert.deepEqual(signature, new Uint8Array(64));
  });

  it('keeps a process alive until all is signed, and no longer', () => {
    const program = `
      const { generateSigningKey } = require('./runtime/crypto');
      const key = generateSigningKey();
      const hashes = Array.from({ length: 200 }, () => new Uint8Array(32));
      const batch = () => key.signOnThread(hashes).then((signatures) => console.log(signatures.length));
      batch().then(() => setImmediate(batch));`;
    const { status, stdout } = spawnSync(
      process.execPath,
      ['--require', join(ROOT, 'cli/register-typescript.js'), '-e', program],
      { cwd: ROOT, encoding: 'utf8', timeout: 60_000 },
    );
    assert.deepEqual([status, stdout], [0, '200\n200\n']);
  });

  for (const name of ['stage0', 'kernels'] satisfies LayerName[]) {
    it(`finds its thread in the layer ${name}`, async () => {
      const layer = buildLayer(name, { region: 'us-east-1', outDirectory: directory });
      const worker = new Worker(
        join(layer.directory, 'nodejs/node_modules', layer.packageName, CRYPTO_WORKER_FILE),
      );
      try {
        const [hash = new Uint8Array()] = someHashes(1);
        const answer = new Promise<Uint8Array>((resolve, reject) => {
          worker.once('message', resolve);
          worker.once('error', reject);
        });
        worker.postMessage({ key: key.keyObject(), hashes: hash });
        assert.equal(hex(await answer), hex(key.sign(hash)));
      } finally {
        await worker.terminate();
      }
    });
  }
});

/** A working thread, except that it runs `fault` at the message with that number. */
function answering(fault: string): string {
  return `const { sign } = require('node:crypto');
    const { parentPort } = require('node:worker_threads');
    let count = 0;
    parentPort.on('message', ({ key, hashes }) => {
      count += 1;
      ${fault}
      const parts = Array.from({ length: hashes.length / 32 }, (_, i) => sign(null, hashes.subarray(i * 32, i * 32 + 32), key));
      parentPort.postMessage(Uint8Array.from(Buffer.concat(parts)));
    });`;
}

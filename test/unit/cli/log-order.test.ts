import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { type ImportLine, LogOrder, linesInFileOrder } from '../../../cli/import/log-order';
import { spansOfFile } from '../../../cli/verify/span-source';
import type { SignedSpan } from '../../../runtime/base/span';
import { generateSigningKey } from '../../../runtime/crypto';
import { sha256 } from '../../../runtime/crypto/sha256';
import { checkpointText } from '../../../runtime/proofs/checkpoint';
import { signCheckpoint } from '../../../runtime/proofs/checkpoint-keys';
import { leafHashOf } from '../../../runtime/proofs/leaf';
import { noteText } from '../../../runtime/proofs/signed-note';
import { tilePath, tileWidth } from '../../../runtime/proofs/tile';
import { signedSpan } from '../../support/spans';

describe('the order of an import', () => {
  const key = generateSigningKey();
  // More than a tile, each third span bob's.
  const spans = Array.from({ length: 600 }, (_, count) =>
    signedSpan({ this: `span ${count}`, owner_id: count % 3 === 0 ? 'bob' : 'alice' }, key),
  );
  const ownerAfterOwner = ['alice', 'bob'].flatMap((owner) =>
    spans.filter((span) => span.owner_id === owner),
  );
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'logline-order-'));
    file = path.join(folder, 'acme.ndjson.gz');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const writeSpans = (written: readonly SignedSpan[]) =>
    writeFile(file, gzipSync(written.map((span) => `${JSON.stringify(span)}\n`).join('')));
  const writeLog = async (logged: readonly SignedSpan[]) => {
    for (let index = 0; tileWidth(0, index, logged.length) > 0; index += 1) {
      const width = tileWidth(0, index, logged.length);
      const tile = path.join(`${file}.log`, tilePath(0, index, width));
      await mkdir(path.dirname(tile), { recursive: true });
      const within = logged.slice(index * 256, index * 256 + width);
      await writeFile(tile, Buffer.concat(within.map((span) => leafHashOf(sha256, span))));
    }
    const checkpoint = { origin: 'instance/acme', size: logged.length, root: new Uint8Array(32) };
    const note = noteText({
      text: checkpointText(checkpoint),
      signatures: [signCheckpoint(checkpoint, key)],
    });
    await mkdir(`${file}.log`, { recursive: true });
    await writeFile(path.join(`${file}.log`, 'checkpoint'), note);
  };
  type Lines = Iterable<ImportLine> | AsyncIterable<ImportLine>;
  /** What an import sends, once the file has passed. */
  const inOrder = async <T>(work: (lines: Lines) => Promise<T>): Promise<T> => {
    const order = await LogOrder.beside(file);
    try {
      let passed = 0;
      if (order !== undefined)
        for await (const found of order.passing(spansOfFile(file))) passed += 'span' in found ? 1 : 0;
      assert.ok(order === undefined || passed > 0);
      return await work(order?.spans() ?? linesInFileOrder(spansOfFile(file)));
    } finally {
      await order?.close();
    }
  };
  const read = (): Promise<unknown[]> =>
    inOrder(async (lines) => {
      const spans: unknown[] = [];
      for await (const { span, text } of lines) {
        assert.deepEqual(JSON.parse(text), span);
        spans.push(span);
      }
      return spans;
    });

  it('is that of the log beside the file, whoever owns the spans', async () => {
    await writeSpans(ownerAfterOwner);
    await writeLog(spans);
    assert.deepEqual(await read(), spans);
  });

  it('leaves nothing in the temporary folder, not even while it is being read', async () => {
    await writeSpans(ownerAfterOwner);
    await writeLog(spans);
    const temporary = path.join(folder, 'tmp');
    await mkdir(temporary);
    const before = process.env.TMPDIR;
    process.env.TMPDIR = temporary;
    try {
      await inOrder(async (lines) => {
        for await (const { span } of lines) assert.equal(span.tenant_id, 'acme');
        assert.deepEqual(await readdir(temporary), []);
      });
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    }
  });

  it('puts spans that the log lacks, or that the file has twice, last', async () => {
    const [twice] = spans;
    assert.ok(twice);
    await writeSpans([...ownerAfterOwner, twice]);
    await writeLog(spans.slice(0, 500));
    const rest = ownerAfterOwner.filter((span) => spans.indexOf(span) >= 500);
    assert.deepEqual(await read(), [...spans.slice(0, 500), ...rest, twice]);
  });

  it('passes over positions of which the file has no span', async () => {
    await writeSpans(ownerAfterOwner.filter(({ owner_id }) => owner_id === 'bob'));
    await writeLog(spans);
    assert.deepEqual(
      await read(),
      spans.filter(({ owner_id }) => owner_id === 'bob'),
    );
  });

  it('is the file’s without an exported log', async () => {
    await writeSpans(ownerAfterOwner);
    assert.deepEqual(await read(), ownerAfterOwner);
  });

  it('is unknown, and said so, when the log is not whole', async () => {
    await writeSpans(ownerAfterOwner);
    await writeLog(spans);
    await rm(path.join(`${file}.log`, 'tile/0/001'));
    await assert.rejects(read(), /lacks tile\/0\/001/);
  });
});

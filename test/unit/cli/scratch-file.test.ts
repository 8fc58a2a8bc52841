import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Place, ScratchFile } from '../../../cli/import/scratch-file';

describe('a scratch file', () => {
  it('gives back every piece as it was written, whatever its length, also between writes', async () => {
    const file = await ScratchFile.create();
    try {
      const kept: { readonly bytes: Buffer; readonly place: Place }[] = [];
      for (let round = 0; round < 20; round += 1) {
        for (const length of [1, 700, 0, 16 * 1024, 5_000, 40_000, 3]) {
          const bytes = randomBytes(length);
          kept.push({ bytes, place: file.append(bytes) });
        }
        await file.flush();
        // The last block is read while it is not full.
        for (const { bytes, place } of kept) assert.ok(file.read(place).equals(bytes), JSON.stringify(place));
      }
    } finally {
      await file.close();
    }
  });

  it('asks to be written at a MiB, and has no name', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'logline-scratch-'));
    const before = process.env.TMPDIR;
    process.env.TMPDIR = folder;
    const file = await ScratchFile.create();
    try {
      assert.deepEqual(await readdir(folder), []);
      file.append(Buffer.alloc(1024 * 1024 - 1));
      assert.equal(file.isFull, false);
      file.append(Buffer.alloc(1));
      assert.equal(file.isFull, true);
      await file.flush();
      assert.equal(file.isFull, false);
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
      await file.close();
      await rm(folder, { recursive: true });
    }
  });

  it('says in one line that the temporary folder takes nothing', async () => {
    const before = process.env.TMPDIR;
    process.env.TMPDIR = '/nowhere/at/all';
    try {
      await assert.rejects(
        ScratchFile.create(),
        /^OperatorError: cannot keep the spans in \/nowhere\/at\/all/,
      );
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    }
  });
});

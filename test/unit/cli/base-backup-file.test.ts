import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { TarHeader } from 'modern-tar';
import { BaseBackupWriter, isBaseBackup } from '../../../cli/backup/base-backup-file';
import { openBackup } from '../../../cli/backup/opened-backup';
import { surveyBaseBackup, unpackBaseBackup } from '../../../cli/backup/unpack-base-backup';

const ROWS = {
  rows_before: { 'ledger.universal_registry': 1 },
  rows_after: { 'ledger.universal_registry': 2 },
};

describe('file of a base backup', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'logline-base-'));
    file = path.join(folder, 'ledger.base.tar.gz');
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function* noBytes(): AsyncGenerator<Uint8Array> {}

  const write = async (
    members: Readonly<Record<string, string>>,
    others: readonly TarHeader[] = [],
  ): Promise<void> => {
    const writer = await BaseBackupWriter.open(file, {
      logline_base_backup: 1,
      made_at: '2026-01-01T00:00:00.000Z',
      postgres_major: 17,
      is_embedded: true,
      public_key: 'ab',
    });
    for (const [name, text] of Object.entries(members)) {
      const content = Buffer.from(text);
      const chunks = async function* () {
        yield content.subarray(0, 1);
        yield content.subarray(1);
      };
      await writer.add({ header: { name, size: content.length }, content: chunks() });
    }
    for (const header of others) await writer.add({ header, content: noBytes() });
    await writer.finish(ROWS, false);
  };

  it('is read back unchanged, also with sizes around a tar block', async () => {
    const members = { PG_VERSION: '17\n', a: 'x'.repeat(511), b: 'y'.repeat(512), c: 'z'.repeat(513) };
    await write(members);
    assert.equal((await openBackup(file)).kind, 'base');
    const target = path.join(folder, 'data');
    assert.deepEqual((await unpackBaseBackup(file, target)).rows_after, ROWS.rows_after);
    assert.deepEqual((await readdir(target)).sort(), Object.keys(members).sort());
    for (const [name, text] of Object.entries(members))
      assert.equal(await readFile(path.join(target, name), 'utf8'), text);
    await assert.rejects(unpackBaseBackup(file, target), /is not empty/);
  });

  it('that was torn or changed leaves nothing unpacked', async () => {
    await write({ PG_VERSION: '17\n', content: 'kept' });
    const plain = gunzipSync(await readFile(file));
    const changed = Buffer.from(plain);
    changed.write('kexx', plain.indexOf('kept'));
    const whole = await readFile(file);
    const target = path.join(folder, 'data');
    for (const [bytes, message] of [
      [gzipSync(changed), /was changed/],
      [gzipSync(plain.subarray(0, 2_560)), /ends too early .*truncated/],
      [gzipSync(plain.subarray(0, 2_565)), /ends too early .*truncated/],
      [whole.subarray(0, whole.length - 20), /damaged/],
    ] as const) {
      await writeFile(file, bytes);
      await assert.rejects(surveyBaseBackup(file), message);
      await assert.rejects(unpackBaseBackup(file, target), message);
      assert.deepEqual(await readdir(folder), [path.basename(file)]);
    }
    assert.equal(await isBaseBackup(path.join(folder, 'nothing')), false);
  });

  for (const [what, header, message] of [
    ['a file', { name: '../outside', size: 0 }, /outside its folder/],
    ['an absolute path', { name: '/outside', size: 0 }, /outside its folder/],
    ['a folder', { name: '../outside/', size: 0, type: 'directory' }, /outside its folder/],
    ['a symbolic link', { name: 'link', size: 0, type: 'symlink', linkname: '/' }, /neither a file nor/],
    ['a hard link', { name: 'link', size: 0, type: 'link', linkname: '../file' }, /neither a file nor/],
    ['a device', { name: 'null', size: 0, type: 'character-device' }, /neither a file nor/],
  ] as const satisfies readonly (readonly [string, TarHeader, RegExp])[]) {
    it(`with ${what} that leads outside is refused`, async () => {
      await write({ PG_VERSION: '17\n' }, [header]);
      await assert.rejects(unpackBaseBackup(file, path.join(folder, 'data')), message);
      assert.deepEqual(await readdir(folder), [path.basename(file)]);
    });
  }
});

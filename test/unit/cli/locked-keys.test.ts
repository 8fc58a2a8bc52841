import assert from 'node:assert/strict';
import { lockKeys, unlockKeys } from '../../../cli/backup/locked-keys';

describe('keys of a backup', function () {
  this.timeout(30_000);
  const files = { 'keys.json': '{"format":1}' };

  it('open with their passphrase alone, and only unchanged', async () => {
    const locked = await lockKeys(files, 'correct horse battery');
    assert.ok(!JSON.stringify(locked).includes('format'));
    assert.deepEqual(await unlockKeys(locked, 'correct horse battery'), files);
    await assert.rejects(unlockKeys(locked, 'correct horse batterz'), /passphrase does not open/);
    const data = Buffer.from(locked.data, 'base64');
    data[0] = (data[0] ?? 0) ^ 1;
    await assert.rejects(
      unlockKeys({ ...locked, data: data.toString('base64') }, 'correct horse battery'),
      /passphrase does not open/,
    );
  });

  it('refuse a passphrase of fewer than 12 characters, and a cost that no machine bears', async () => {
    await assert.rejects(lockKeys(files, 'short'), /at least 12 characters/);
    const locked = await lockKeys(files, 'correct horse battery');
    await assert.rejects(unlockKeys({ ...locked, n: 2 ** 24 }, 'correct horse battery'), /more memory/);
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { dataDirectory } from '../../../local/data-directory';
import { loadKeys, loadOrCreateKeys } from '../../../local/keys';
import { ROLE_KEYS } from '../../../runtime/db/roles';

describe('passwords in keys.json', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'logline-keys-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('a file from before a role gets a password for it, once, and keeps all others', async () => {
    const data = dataDirectory({ LOGLINE_DATA: folder });
    const before = await loadOrCreateKeys(data);
    const file = JSON.parse(await readFile(data.keys, 'utf8'));
    const { superuser, owner, app } = file.database_passwords;
    file.database_passwords = { superuser, owner, app };
    await writeFile(data.keys, JSON.stringify(file));

    const first = await loadOrCreateKeys(data);
    assert.deepEqual(
      [first.passwords.superuser, first.passwords.owner, first.passwords.app],
      [superuser, owner, app],
    );
    assert.equal(first.signingKey.publicKeyHex, before.signingKey.publicKeyHex);
    assert.equal(new Set(ROLE_KEYS.map((role) => first.passwords[role])).size, ROLE_KEYS.length);
    assert.deepEqual((await loadKeys(data))?.passwords, first.passwords);
  });

  it('a file without the password of logline_app is broken, not old', async () => {
    const data = dataDirectory({ LOGLINE_DATA: folder });
    await loadOrCreateKeys(data);
    const file = JSON.parse(await readFile(data.keys, 'utf8'));
    delete file.database_passwords.app;
    await writeFile(data.keys, JSON.stringify(file));
    await assert.rejects(loadOrCreateKeys(data), /"app" is missing/);
  });
});

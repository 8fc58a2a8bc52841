import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rename, stat, writeFile } from 'node:fs/promises';
import { type DataDirectory, dataDirectory, prepareDataDirectory } from '../../../local/data-directory';
import { type LocalKeys, loadKeys, loadOrCreateKeys, storeRing } from '../../../local/keys';
import { LiveKeys } from '../../../local/live-keys';
import { generateSigningKey } from '../../../runtime/crypto';
import type { KeyRing } from '../../../runtime/ledger/keys/key-ring';
import { cleanUp, temporaryFolder } from '../../support/local-run';
import { until } from '../../support/until';

describe('keys of a running ledger', () => {
  let folder: string;
  let data: DataDirectory;
  let keys: LocalKeys;
  let changes: KeyRing[];
  let troubles: string[];
  let live: LiveKeys;

  beforeEach(async () => {
    folder = await temporaryFolder();
    data = dataDirectory({ LOGLINE_DATA: folder });
    await prepareDataDirectory(data);
    keys = await loadOrCreateKeys(data);
    changes = [];
    troubles = [];
    live = new LiveKeys({
      data,
      keys,
      onChange: (ring) => changes.push(ring),
      onTrouble: (message) => troubles.push(message),
    });
  });

  afterEach(() => cleanUp(folder));

  it('follow keys.json, and are the same object as long as it does not change', async () => {
    const before = live.ring();
    const next = generateSigningKey();
    await storeRing(data, keys, keys.ring.withNext(next).promoted());
    await until('the new key signs', () => live.ring().current.publicKeyHex === next.publicKeyHex);
    assert.equal(changes.length, 1);
    assert.equal(live.ring(), live.ring());
    assert.notEqual(live.ring(), before);
  });

  it('stay as they are when the file is written again without a change', async () => {
    const before = live.ring();
    await storeRing(data, keys, keys.ring);
    const marker = generateSigningKey();
    assert.equal(live.ring(), before);
    await storeRing(data, keys, keys.ring.withNext(marker));
    await until('the change is there', () => live.ring().next !== undefined);
    assert.equal(changes.length, 1);
  });

  for (const { title, damage } of [
    { title: 'broken', damage: () => writeFile(data.keys, '{"format":') },
    { title: 'gone', damage: () => rename(data.keys, `${data.keys}.away`) },
  ]) {
    it(`stay in use when the file is ${title}, which is reported once, without its content`, async () => {
      await damage();
      const ring = await until('the trouble is noticed', () => {
        const found = live.ring();
        return troubles.length > 0 && found;
      });
      assert.equal(ring.current.publicKeyHex, keys.signingKey.publicKeyHex);
      // Long enough for several checks of the file.
      const deadline = performance.now() + 200;
      await until('it has looked again', () => {
        live.ring();
        return performance.now() > deadline;
      });
      assert.equal(troubles.length, 1);
      assert.ok(!troubles.join().includes(keys.signingKey.secretKeyHex()));

      const next = generateSigningKey();
      await storeRing(data, keys, keys.ring.withNext(next).promoted());
      await until('it follows again', () => live.ring().current.publicKeyHex === next.publicKeyHex);
    });
  }

  it('survive the way into the file and back, revoked ones with their reason', async () => {
    const [next, after] = [generateSigningKey(), generateSigningKey()];
    const revoked = {
      publicKeyHex: keys.signingKey.publicKeyHex,
      from: '2026-01-31T12:00:00.000Z',
      reason: 'stolen',
    };
    const ring = keys.ring.withNext(next).promoted().withNext(after).withRevoked(revoked);
    await storeRing(data, keys, ring);
    const loaded = await loadKeys(data);
    assert.deepEqual(JSON.parse(JSON.stringify(loaded?.ring)), JSON.parse(JSON.stringify(ring)));
    assert.deepEqual(loaded?.ring.revoked, [revoked]);
    assert.deepEqual(loaded?.passwords, keys.passwords);
    assert.equal((await stat(data.keys)).mode & 0o777, 0o600);
  });

  it('are refused when the signing key in the file is revoked', async () => {
    const text = JSON.stringify({
      format: 1,
      signing_key: {
        seed_hex: keys.signingKey.secretKeyHex(),
        public_key_hex: keys.signingKey.publicKeyHex,
      },
      revoked_keys: [{ public_key_hex: keys.signingKey.publicKeyHex }],
      database_passwords: { superuser: 'a', owner: 'b', app: randomBytes(4).toString('hex') },
    });
    await writeFile(data.keys, text);
    await assert.rejects(loadKeys(data), /the signing key is among "revoked_keys"/);
  });
});

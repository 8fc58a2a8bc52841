import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { awsSecretStore, localSecretStore } from '../../../runtime/host/secret-store';

describe('secret store', () => {
  describe('of a local run', () => {
    let folder: string;
    let file: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'logline-keys-'));
      file = join(folder, 'provider-keys.json');
    });
    after(() => rm(folder, { recursive: true }));
    const write = (value: unknown): Promise<void> =>
      writeFile(file, typeof value === 'string' ? value : JSON.stringify(value));

    it('has no keys without a file', async () => {
      assert.equal(await localSecretStore(join(folder, 'none.json'), {}).get('dev/openai'), undefined);
    });

    it('gives a key to its tenant only', async () => {
      await write({ 'acme/openai': 'sk-acme', openai: 'sk-operator', 'a/b/openai': 'sk-ab' });
      const store = localSecretStore(file, {});
      assert.equal(await store.get('acme/openai'), 'sk-acme');
      assert.equal(await store.get('a/b/openai'), 'sk-ab');
      for (const name of ['globex/openai', 'dev/openai', '/openai', 'b/openai', 'openai/openai']) {
        assert.equal(await store.get(name), undefined, name);
      }
    });

    it("treats an entry without a tenant as the system's key", async () => {
      await write({ openai: 'sk-operator' });
      assert.equal(await localSecretStore(file, {}).get('system/openai'), 'sk-operator');
    });

    it('gives keys of the environment to dev and system only, before those of the file', async () => {
      await write({ 'dev/open-ai': 'sk-file', 'acme/open-ai': 'sk-acme' });
      const store = localSecretStore(file, {
        LOGLINE_PROVIDER_KEY_OPEN_AI: ' sk-env\n',
        LOGLINE_PROVIDER_KEY_X: '',
      });
      assert.equal(await store.get('dev/open-ai'), 'sk-env');
      assert.equal(await store.get('system/open-ai'), 'sk-env');
      assert.equal(await store.get('acme/open-ai'), 'sk-acme');
      assert.equal(await store.get('globex/open-ai'), undefined);
      assert.equal(await store.get('dev/x'), undefined);
    });

    it('sees a key that was added while it runs', async () => {
      await write({});
      const store = localSecretStore(file, {});
      assert.equal(await store.get('dev/openai'), undefined);
      await write({ 'dev/openai': 'sk-new' });
      assert.equal(await store.get('dev/openai'), 'sk-new');
    });

    it('knows no key called like a member that every object has', async () => {
      await write({ 'system/a': 'x' });
      for (const name of ['system/constructor', 'system/__proto__', 'system/toString']) {
        assert.equal(await localSecretStore(file, {}).get(name), undefined, name);
      }
    });

    it('refuses a broken file without quoting it', async () => {
      for (const content of [
        '{"dev/openai": "sk-secret"',
        '["sk-secret"]',
        '{"dev/openai": {"key": "sk-secret"}}',
      ]) {
        await write(content);
        await assert.rejects(localSecretStore(file, {}).get('dev/openai'), (error: Error) => {
          assert.match(error.message, /must be a JSON object/);
          assert.ok(!String(error.stack).includes('sk-secret'));
          return true;
        });
      }
    });
  });

  describe('of AWS', () => {
    it('has no keys without a secret', async () => {
      const reader = { readObject: () => Promise.reject(new Error('never asked')) };
      assert.equal(await awsSecretStore(reader, undefined).get('acme/openai'), undefined);
    });

    it('reads the secret once in five minutes, however many ask at once', async () => {
      let nowMs = 0;
      let reads = 0;
      const readObject = async (): Promise<Record<string, string>> => {
        reads += 1;
        return { 'acme/openai': `sk-${reads}` };
      };
      const store = awsSecretStore({ readObject }, 'arn:secret', () => nowMs);
      const ask = (): Promise<string | undefined> => store.get('acme/openai');
      assert.deepEqual(await Promise.all([ask(), ask(), ask()]), ['sk-1', 'sk-1', 'sk-1']);
      nowMs = 299_999;
      assert.equal(await ask(), 'sk-1');
      nowMs = 300_000;
      assert.equal(await ask(), 'sk-2');
      assert.equal(reads, 2);
    });

    it('reads the secret again once the clock was set back', async () => {
      let nowMs = 300_000;
      let reads = 0;
      const readObject = async (): Promise<Record<string, string>> => {
        reads += 1;
        return { 'acme/openai': `sk-${reads}` };
      };
      const store = awsSecretStore({ readObject }, 'arn:secret', () => nowMs);
      assert.equal(await store.get('acme/openai'), 'sk-1');
      nowMs = 0;
      assert.equal(await store.get('acme/openai'), 'sk-2');
    });

    it('uses cached keys while the service does not answer, and retries', async () => {
      let nowMs = 0;
      let isUp = false;
      const readObject = async (): Promise<Record<string, string>> => {
        if (!isUp) throw new Error('throttled');
        return { 'acme/openai': 'sk' };
      };
      const store = awsSecretStore({ readObject }, 'arn:secret', () => nowMs);
      await assert.rejects(store.get('acme/openai'), /cannot be read/);
      isUp = true;
      assert.equal(await store.get('acme/openai'), 'sk');
      isUp = false;
      nowMs = 400_000;
      assert.equal(await store.get('acme/openai'), 'sk');
      assert.equal(await store.get('globex/openai'), undefined);
    });
  });
});

import assert from 'node:assert/strict';
import { at, listOf, recordOf } from '../infra/subject';
import { secretMember, secretNamed } from './cloud';
import type { DeployedStack } from './deployed-stack';

/** The migrator. Its first run makes the token that calls carry. */
export function migratorTests(stack: DeployedStack): void {
  describe('before the first migration', () => {
    it('answers health with 503, not with a crash', async () => {
      const { status } = await stack.call('GET', '/api/health');
      assert.equal(status, 503);
    });
  });

  describe('the migrator', () => {
    it('brings schema and seeds into an empty database, as an owner who is no superuser', async () => {
      const { failed, payload } = await stack.cloud.invoke('migrator', { trigger: 'deployment' });
      assert.equal(failed, false, JSON.stringify(payload));
      assert.deepEqual(listOf(at(payload, 'secrets')), [
        'password of app',
        'password of kernel',
        'password of guest',
        'password of sealer',
        'password of auditor',
        'instance key',
        'checkpoint key',
      ]);
      assert.ok(listOf(at(payload, 'migrations')).length >= 10);
      assert.ok(listOf(at(payload, 'seeds')).length >= 7);
      const rows = await stack.cloud.sql('SELECT name, signature FROM ledger.universal_registry');
      for (const name of listOf(at(payload, 'seeds'))) {
        assert.ok(
          rows.some((row) => row.name === name && row.signature !== null),
          `${name} is not signed and there`,
        );
      }
    });

    it('makes every password and key inside Secrets Manager, and answers none of them', async () => {
      const made = ['app', 'kernel', 'guest', 'signing-key'].map((name) =>
        secretNamed(stack.cloud.secrets, name),
      );
      assert.ok(made.every(({ versions, AWSCURRENT }) => versions.size === 1 && AWSCURRENT));
      assert.match(secretMember(stack.cloud.secrets, 'signing-key', 'seed_hex'), /^[0-9a-f]{64}$/);
      assert.notEqual(
        secretMember(stack.cloud.secrets, 'app', 'password'),
        secretMember(stack.cloud.secrets, 'guest', 'password'),
      );
      stack.token = await stack.tokenFor('ada', 'acme', ['spans:write', 'timeline:read', 'execute', 'admin']);
    });

    it('does nothing when it runs again, and leaves every secret as it is', async () => {
      const before = JSON.stringify([...stack.cloud.secrets]);
      for (const _ of ['warm', 'cold']) {
        const { payload } = await stack.cloud.invoke('migrator', { trigger: 'deployment' });
        const { public_key, ...done } = recordOf(payload);
        assert.match(String(public_key), /^[0-9a-f]{64}$/);
        assert.deepEqual(Object.values(done).flat(), [], JSON.stringify(payload));
        await stack.cloud.cool('migrator');
      }
      assert.equal(JSON.stringify([...stack.cloud.secrets]), before);
    });

    it('fails with the reason when a migration was edited after it landed', async () => {
      const [first] = await stack.cloud.sql(
        'SELECT name, sha256 FROM app.migration_checksum ORDER BY name LIMIT 1',
      );
      await stack.cloud.sql(`UPDATE app.migration_checksum SET sha256 = 'other' WHERE name = $1`, [
        first?.name,
      ]);
      const { failed, payload } = await stack.cloud.invoke('migrator', { trigger: 'deployment' });
      await stack.cloud.sql('UPDATE app.migration_checksum SET sha256 = $2 WHERE name = $1', [
        first?.name,
        first?.sha256,
      ]);
      assert.equal(failed, true);
      assert.match(String(at(payload, 'errorMessage')), /000001_.*was edited after it was applied/);
    });
  });
}

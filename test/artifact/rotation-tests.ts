import assert from 'node:assert/strict';
import { signingKeyFromHex } from '../../runtime/crypto';
import { at, listOf } from '../infra/subject';
import { secretMember, secretNamed } from './cloud';
import type { DeployedStack } from './deployed-stack';
import { scheduleInput, tickBatch } from './events';

/** Rotations of passwords and keys. The last revokes the key of the token that calls carry. */
export function rotationTests(stack: DeployedStack): void {
  describe('a change of the database password', () => {
    it('goes unnoticed: cold and warm functions get in before and after PostgreSQL knows it', async () => {
      await stack.cloud.cool('observer-bot');
      const secret = secretNamed(stack.cloud.secrets, 'app');
      secret.AWSPREVIOUS = secret.AWSCURRENT ?? '';
      secret.AWSCURRENT = JSON.stringify({ username: 'logline_app', password: 'another-password' });

      const cold = await stack.cloud.invoke('observer-bot', tickBatch(stack.cloud.run, 'observer-bot'));
      assert.deepEqual(cold.payload, { batchItemFailures: [] });

      const migrated = await stack.cloud.invoke('migrator', { trigger: 'deployment' });
      assert.equal(migrated.failed, false, JSON.stringify(migrated.payload));
      await stack.reconnected('with both versions of the secret at hand');
      delete secret.AWSPREVIOUS;
      await stack.reconnected('with the new version alone');
    });
  });

  describe('a rotation of all passwords', () => {
    it('is done by the migrator inside AWS, and every function gets in with the new ones alone', async () => {
      const before = secretMember(stack.cloud.secrets, 'guest', 'password');
      const { failed, payload } = await stack.cloud.invoke('migrator', {
        trigger: 'operator',
        change: 'rotate_passwords',
      });
      assert.equal(failed, false, JSON.stringify(payload));
      assert.notEqual(secretMember(stack.cloud.secrets, 'guest', 'password'), before);
      for (const name of ['app', 'kernel', 'guest'])
        delete secretNamed(stack.cloud.secrets, name).AWSPREVIOUS;
      await stack.reconnected('with the new password alone');
      await stack.cloud.cool('stage0');
      assert.equal((await stack.call('GET', '/api/health')).status, 200);
    });
  });

  describe('a rotation by schedule', () => {
    const look = (days: Record<string, number>) =>
      stack.cloud.invoke('migrator', { ...scheduleInput(stack.cloud.run, 'rotation', ''), ...days });
    const password = (name: string) => secretMember(stack.cloud.secrets, name, 'password');
    const daysOld = (days: number) => new Date(Date.now() - days * 86_400_000);
    const seed = () => secretMember(stack.cloud.secrets, 'signing-key', 'seed_hex');

    it('makes new the passwords that are older than it says, and no others', async () => {
      secretNamed(stack.cloud.secrets, 'app').createdAt = daysOld(31);
      secretNamed(stack.cloud.secrets, 'guest').createdAt = daysOld(29);
      secretNamed(stack.cloud.secrets, 'signing-key').createdAt = daysOld(5_000);
      const before = [password('app'), password('guest'), seed()];
      const { failed, payload } = await look({});
      assert.equal(failed, false, JSON.stringify(payload));
      assert.notEqual(password('app'), before[0]);
      assert.deepEqual([password('guest'), seed()], before.slice(1));
      await stack.cloud.cool('stage0');
      await stack.timeline('limit=1');
    });

    it('announces and promotes a key that is too old, and finishes what was begun', async () => {
      const before = seed();
      // Announced long ago, so that this test need not wait for the functions to read it.
      assert.equal(
        (await stack.cloud.invoke('migrator', { trigger: 'operator', change: 'announce_key' })).failed,
        false,
      );
      const secret = secretNamed(stack.cloud.secrets, 'signing-key');
      const announced = JSON.parse(secret.AWSCURRENT ?? '{}');
      secret.AWSCURRENT = JSON.stringify({ ...announced, next_since: '2026-01-01T00:00:00.000Z' });
      const { failed, payload } = await look({ keys_days: 90 });
      assert.equal(failed, false, JSON.stringify(payload));
      assert.equal(seed(), announced.next_seed_hex);
      assert.equal(secretMember(stack.cloud.secrets, 'signing-key', 'previous_seeds_hex'), before);
      assert.equal((await look({ keys_days: 90 })).failed, false);
      assert.equal(seed(), announced.next_seed_hex, 'a key of today stays');
    });
  });

  describe('a rotation of the instance key', () => {
    const change = (event: Record<string, unknown>) =>
      stack.cloud.invoke('migrator', { trigger: 'operator', ...event });
    const secret = () => JSON.parse(secretNamed(stack.cloud.secrets, 'signing-key').AWSCURRENT ?? '{}');

    it('announces the next key, which signs only when every warm function has read it', async () => {
      const before = secret();
      const announced = await change({ change: 'announce_key' });
      assert.equal(announced.failed, false, JSON.stringify(announced.payload));
      assert.match(String(listOf(at(announced.payload, 'keys'))), /introduced instance key/);
      assert.ok(Number(at(announced.payload, 'promote_in_seconds')) > 300);
      const tooSoon = await change({ change: 'promote_key' });
      assert.equal(tooSoon.failed, true);
      assert.match(String(at(tooSoon.payload, 'errorMessage')), /try again in \d+ s/);
      secretNamed(stack.cloud.secrets, 'signing-key').AWSCURRENT = JSON.stringify({
        ...secret(),
        next_since: '2026-01-01T00:00:00.000Z',
      });
      const promoted = await change({ change: 'promote_key' });
      assert.equal(promoted.failed, false, JSON.stringify(promoted.payload));
      assert.notEqual(at(promoted.payload, 'public_key'), signingKeyFromHex(before.seed_hex).publicKeyHex);
      assert.equal(secret().previous_seeds_hex.split(',')[0], before.seed_hex);
    });

    it('revokes a key that no longer signs, and refuses it for the one that does', async () => {
      const signing = signingKeyFromHex(secret().seed_hex).publicKeyHex;
      const refused = await change({ change: 'revoke_key', public_key: signing });
      assert.match(String(at(refused.payload, 'errorMessage')), /signs now; rotate/);
      // The one that signed the token of these tests.
      const first = secret().previous_seeds_hex.split(',').at(-1);
      const old = signingKeyFromHex(first).publicKeyHex;
      const revoked = await change({ change: 'revoke_key', public_key: old });
      assert.equal(revoked.failed, false, JSON.stringify(revoked.payload));
      assert.match(String(listOf(at(revoked.payload, 'keys'))), /revoked instance key/);
      await stack.cloud.cool('stage0');
      assert.equal((await stack.call('GET', '/api/timeline')).status, 401);
    });
  });
}

/** What changes of settings do to a running stack, held against whichever engine there is. */

import assert from 'node:assert/strict';
import { inSequence } from '../infra/in-sequence';
import type { Deployment, Outcome } from './deployment';

const TIMEOUT_MS = 600_000;

/** Registers the tests; they build on one another. */
export function describeChanges(open: () => Promise<Deployment>): void {
  describe('a running stack whose settings change', function () {
    this.timeout(TIMEOUT_MS);
    inSequence();
    let deployment: Deployment;
    before(async () => {
      deployment = await open();
      const { succeeded, log } = await deployment.up();
      assert.ok(succeeded, log);
    });
    after(() => deployment?.close());
    const changed = async (key: string, value: unknown): Promise<Outcome['changes']> => {
      await deployment.configure(key, value);
      const { succeeded, changes, log } = await deployment.up();
      assert.ok(succeeded, log);
      return changes;
    };
    /** Kinds of change → resources. */
    const byKind = (changes: Outcome['changes']) => {
      const of = (kind: string) =>
        Object.keys(changes)
          .filter((key) => changes[key] === kind)
          .sort();
      return { create: of('create'), update: of('update'), replace: of('replace'), delete: of('delete') };
    };

    it('gets a distribution, of which Stage-0 alone is told', async () => {
      const changes = byKind(await changed('logline:edge', { enabled: true }));
      assert.deepEqual(changes, {
        create: [
          'aws:cloudfront/distribution:Distribution edge',
          'aws:secretsmanager/secret:Secret secrets-edge-header',
          'aws:secretsmanager/secretVersion:SecretVersion secrets-edge-header',
          'aws:wafv2/webAcl:WebAcl edge',
          'random:index/randomPassword:RandomPassword secrets-edge-header',
        ],
        update: ['aws:iam/rolePolicy:RolePolicy stage0', 'aws:lambda/function:Function stage0'],
        replace: [],
        delete: [],
      });
    });

    it('gives the header a new value, and changes nothing but the distribution for that', async () => {
      assert.deepEqual(byKind(await changed('logline:edge', { enabled: true, headerVersion: 2 })), {
        create: [],
        update: ['aws:cloudfront/distribution:Distribution edge'],
        replace: [
          'aws:secretsmanager/secretVersion:SecretVersion secrets-edge-header',
          'random:index/randomPassword:RandomPassword secrets-edge-header',
        ],
        delete: [],
      });
    });

    it('rotates by other days, and stops rotating', async () => {
      const schedule = 'aws:scheduler/schedule:Schedule rotation';
      assert.deepEqual(await changed('logline:rotation', { passwordsDays: 7 }), { [schedule]: 'update' });
      const changes = byKind(await changed('logline:rotation', { passwordsDays: 'none' }));
      assert.deepEqual([changes.create, changes.update, changes.replace], [[], [], []]);
      assert.ok(changes.delete.includes(schedule));
    });

    it('proves nothing any more: all of it goes, and the migrator runs without it', async () => {
      const { create, replace, delete: gone } = byKind(await changed('logline:proofs', { enabled: false }));
      assert.deepEqual([create, replace], [[], ['aws:lambda/invocation:Invocation migrator']]);
      for (const one of ['aws:s3/bucket:Bucket proofs', 'aws:lambda/function:Function sealer'])
        assert.ok(gone.includes(one), one);
      const kept = gone.filter((one) => !/proofs|seal|auditor|checkpoint|feed-held-back/.test(one));
      assert.deepEqual(kept, []);
    });

    it('leaves the distribution, and Stage-0 answers everybody again', async () => {
      const { create, update, replace } = byKind(await changed('logline:edge', {}));
      assert.deepEqual(
        [create, update, replace],
        [[], ['aws:iam/rolePolicy:RolePolicy stage0', 'aws:lambda/function:Function stage0'], []],
      );
    });
  });
}

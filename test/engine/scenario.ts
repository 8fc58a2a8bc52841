/** The life of a stack as a test scenario, for any engine. */

import assert from 'node:assert/strict';
import { inSequence } from '../infra/in-sequence';
import type { Deployment } from './deployment';

/** Milliseconds for bundling, serialising and a few hundred calls, five times. */
const SCENARIO_TIMEOUT_MS = 600_000;

/**
 * Registers the tests of one stack's life, each of which depends on the one before.
 *
 * @param options.brief skips previews that repeat an update. Defaults to false
 */
export function describeLife(
  stack: 'dev' | 'prod',
  open: () => Promise<Deployment>,
  options: { readonly brief?: boolean } = {},
): void {
  const thorough = options.brief !== true;
  describe(`the life of ${stack}`, function () {
    this.timeout(SCENARIO_TIMEOUT_MS);
    inSequence();
    let deployment: Deployment;
    before(async () => {
      deployment = await open();
    });
    after(() => deployment?.close());

    it('previews everything as new, though nothing of AWS is known yet', async () => {
      const preview = await deployment.preview();
      assert.ok(preview.succeeded, preview.log);
      assert.ok(Object.keys(preview.changes).length > 100, preview.log);
      assert.deepEqual(changesOtherThan(preview.changes, 'create'), {});
    });

    it('stops when a migration fails, shows its message, and starts nothing that serves', async () => {
      deployment.failMigrations('migration 000003 failed: column "x" does not exist');
      const up = await deployment.up();
      deployment.failMigrations(undefined);
      assert.equal(up.succeeded, false);
      assert.match(up.log, /migration 000003 failed: column "x" does not exist/);
      const serving = Object.keys(up.changes).filter((key) =>
        /Function (stage0|run-code)$|route:Route|schedule:Schedule /.test(key),
      );
      assert.deepEqual(serving, []);
    });

    it('resumes where it stopped, and succeeds', async () => {
      const up = await deployment.up();
      assert.ok(up.succeeded, up.log);
      assert.deepEqual(changesOtherThan(up.changes, 'create'), {});
      assert.match(String(up.outputs.apiEndpoint), /^https:/);
      assert.match(String(up.outputs.publicKeyHex), /^[0-9a-f]{64}$/);
      assert.deepEqual([...up.secretOutputs], []);
    });

    it('changes nothing when nothing changed', async () => {
      if (thorough) {
        assert.deepEqual((await deployment.preview()).changes, {});
      }
      const up = await deployment.up();
      assert.ok(up.succeeded, up.log);
      assert.deepEqual(up.changes, {});
    });

    it('changes the stage of the API alone when its rate limit does', async () => {
      await deployment.configure('logline:api', { rateLimit: 77 });
      const expected = { 'aws:apigatewayv2/stage:Stage api': 'update' };
      const preview = await deployment.preview();
      assert.deepEqual(preview.changes, expected);
      if (thorough) {
        const up = await deployment.up();
        assert.ok(up.succeeded, up.log);
        assert.deepEqual(up.changes, expected);
      }
    });

    it('is refused as a whole when its configuration is wrong, with every fault', async () => {
      await deployment.configure('logline:api', { rateLimit: 0, burstLimit: 'many' });
      const preview = await deployment.preview();
      assert.equal(preview.succeeded, false);
      assert.match(preview.log, /logline:api\.rateLimit: expected a whole number/);
      assert.match(preview.log, /logline:api\.burstLimit: expected a whole number/);
      await deployment.configure('logline:api', { rateLimit: 77 });
    });

    if (stack === 'prod') {
      it('cannot be destroyed while it is protected', async () => {
        const destroy = await deployment.destroy();
        assert.equal(destroy.succeeded, false);
        assert.match(destroy.log, /protect/);
        await deployment.unprotect();
      });
    }

    it('leaves nothing behind when it is destroyed', async () => {
      const destroy = await deployment.destroy();
      assert.ok(destroy.succeeded, destroy.log);
      assert.deepEqual(changesOtherThan(destroy.changes, 'delete'), {});
      if (thorough) {
        const preview = await deployment.preview();
        assert.deepEqual(changesOtherThan(preview.changes, 'create'), {});
      }
    });
  });
}

function changesOtherThan(changes: Readonly<Record<string, string>>, kind: string): Record<string, string> {
  return Object.fromEntries(Object.entries(changes).filter(([, change]) => change !== kind));
}

import assert from 'node:assert/strict';
import { inSequence } from '../infra/in-sequence';
import { DeployedStack } from './deployed-stack';
import { eventTests } from './event-tests';
import { executionTests } from './execution-tests';
import { migratorTests } from './migrator-tests';
import { rotationTests } from './rotation-tests';
import { sealerTests } from './sealer-tests';
import { stackOptionTests } from './stack-option-tests';
import { stage0Tests } from './stage0-tests';

describe('what is deployed', function () {
  this.timeout(180_000);
  inSequence();
  const stack = DeployedStack.use();

  migratorTests(stack);
  stage0Tests(stack);
  executionTests(stack);
  stackOptionTests(stack);
  sealerTests(stack);
  eventTests(stack);
  rotationTests(stack);

  describe('rights', () => {
    it('were enough for all of the above, and no function asked for more', () => {
      assert.deepEqual(stack.cloud.aws.denied, []);
    });

    it('kept the master password to the migrator', () => {
      const readers = [...stack.cloud.aws.read].filter((line) => line.endsWith(':secret:master'));
      assert.deepEqual(
        readers.map((line) => line.split(' ')[0]),
        ['logline-dev-migrator'],
      );
    });
  });
});

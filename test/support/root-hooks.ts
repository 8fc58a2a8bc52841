import type { RootHookObject } from 'mocha';
import { stopTestCluster } from './test-cluster';

const PATIENCE_MS = 10_000;

/** Loaded by `.mocharc.json`: whatever a run started, it stops. */
export const mochaHooks: RootHookObject = {
  async afterAll() {
    // First: taking away some hundred databases takes seconds of its own.
    await stopTestCluster();
    endWhateverStaysOpen();
  },
};

/**
 * Ends a run that something keeps open, as what a failed hook left behind does: Mocha would wait for it for ever,
 * and a CI job until its limit. That is a failure of its own, since a run has to close what it opened.
 */
function endWhateverStaysOpen(): void {
  const timer = setTimeout(() => {
    const open = process.getActiveResourcesInfo().join(', ');
    process.stderr.write(`the tests are over, but something keeps the run open (${open}): ending it\n`);
    // After Mocha's own listener, which sets the number of failed tests.
    process.once('exit', () => {
      process.exitCode ||= 1;
    });
    process.exit();
  }, PATIENCE_MS);
  timer.unref();
}

import type { RootHookObject } from 'mocha';
import { stopTestCluster } from './test-cluster';

const PATIENCE_MS = 10_000;

/** Loaded by `.mocharc.json`: stops everything that a run started. */
export const mochaHooks: RootHookObject = {
  async afterAll() {
    // Before the time-out starts, since dropping hundreds of databases takes seconds.
    await stopTestCluster();
    endWhateverStaysOpen();
  },
};

/**
 * Ends a run that open handles keep alive, such as those of a failed hook, and fails it: mocha would wait for ever, and a CI
 * job until its limit.
 */
function endWhateverStaysOpen(): void {
  const timer = setTimeout(() => {
    const open = process.getActiveResourcesInfo().join(', ');
    process.stderr.write(`the tests are over, but something keeps the run open (${open}): ending it\n`);
    // After mocha's own listener, which sets the exit code.
    process.once('exit', () => {
      process.exitCode ||= 1;
    });
    process.exit();
  }, PATIENCE_MS);
  timer.unref();
}

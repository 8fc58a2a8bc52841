import type { RootHookObject } from 'mocha';
import { stopTestCluster } from './test-cluster';

/** Loaded by `.mocharc.json`: whatever a run started, it stops. */
export const mochaHooks: RootHookObject = {
  async afterAll() {
    await stopTestCluster();
  },
};

import assert from 'node:assert/strict';
import { Client } from 'pg';
import { RESERVED_WORDS } from '../../infra/database-settings';
import { testCluster } from '../support/test-cluster';

describe('names that no database may have', () => {
  it('are the key words that the server reserves', async () => {
    const client = new Client({ connectionString: (await testCluster()).superuserUrl('postgres') });
    await client.connect();
    try {
      const { rows } = await client.query<{ word: string }>(
        "SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T') ORDER BY word",
      );
      assert.deepEqual(
        rows.map(({ word }) => word),
        [...RESERVED_WORDS].sort(),
      );
    } finally {
      await client.end();
    }
  });
});

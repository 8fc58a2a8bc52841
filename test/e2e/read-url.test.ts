// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the code under test is written in these strings
import assert from 'node:assert/strict';
import { cleanUp, startLocalRun, temporaryFolder } from '../support/local-run';
import { withClient } from '../support/sql-session';
import { type StandbyPair, startStandbyPair } from '../support/standby';
import { until } from '../support/until';

/** A function that reads what its input names. */
const READS =
  'async function main(ctx, input) { return (await ctx.sql`SELECT this FROM ledger.visible_timeline WHERE this = ${input}`).rows; }';

describe('a local run with DATABASE_READ_URL', function () {
  this.timeout(120_000);
  let pair: StandbyPair;
  let data: string;
  before(async () => {
    pair = await startStandbyPair();
    data = await temporaryFolder();
  });
  after(async () => {
    await cleanUp(data);
    await pair?.close();
  });

  it('reads there, for the API and for user code, what was just appended', async () => {
    await withClient(pair.primary.superuserUrl('logline'), (client) =>
      client.query('CREATE DATABASE of_its_own'),
    );
    const run = await startLocalRun(data, {
      env: {
        DATABASE_URL: pair.primary.superuserUrl('of_its_own'),
        DATABASE_READ_URL: pair.standby.superuserUrl('of_its_own'),
        LOGLINE_ROLE_PREFIX: 'read_url',
      },
    });
    const call = async (path: string, body?: object) => {
      const answer = await fetch(`${run.url}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${run.token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      assert.ok(answer.ok, text);
      return JSON.parse(text);
    };
    const append = (span: object) => call('/api/spans', { entity_type: 'note', who: 'dev', ...span });
    try {
      const code = { entity_type: 'function', this: 'reads', name: 'reads', code: READS };
      const id = (await append(code)).span.id;
      const rolesThere = async (): Promise<string[]> => {
        const { rows } = await withClient(pair.standby.superuserUrl('of_its_own'), (client) =>
          client.query(`
            SELECT DISTINCT usename FROM pg_stat_activity
             WHERE datname = 'of_its_own' AND usename LIKE 'read_url%' AND query !~ 'pg_is_in_recovery' ORDER BY 1`),
        );
        return rows.map(({ usename }) => usename);
      };
      for (let count = 0; count < 10; count += 1) {
        await append({ this: `note ${count}` });
        const { result } = await call(`/api/execute/${id}`, { input: `note ${count}` });
        assert.deepEqual(result, [{ this: `note ${count}` }]);
      }
      await until('both read there', async () => {
        await call('/api/timeline?limit=1');
        await call(`/api/execute/${id}`, { input: 'note 0' });
        return (await rolesThere()).join() === 'read_url_app,read_url_guest';
      });
    } finally {
      await run.stop();
    }
  });
});

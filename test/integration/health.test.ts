import assert from 'node:assert/strict';
import { Database } from '../../runtime/db/pool';
import { Health } from '../../runtime/stage0/health';
import { withClient } from '../support/sql-session';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

/** Counts requests for a connection. */
class CountingDatabase extends Database {
  taken = 0;

  override connect(): ReturnType<Database['connect']> {
    this.taken += 1;
    return super.connect();
  }
}

describe('health', () => {
  let stage0: TestStage0;
  let isReady = false;
  let aheadMs = 0;
  before(async () => {
    stage0 = await createTestStage0({
      health: {
        isReady: () => isReady,
        nowMs: () => Date.now() + aheadMs,
        ticks: [{ job: 'observer_bot', toleratedAgeS: 60 }],
      },
    });
  });
  after(() => stage0.close());

  const health = async (query = '') => stage0.call(`/api/health${query}`);
  const asSuperuser = (sql: string) =>
    withClient(stage0.database.superuserUrl, (client) => client.query(sql));

  it('is ok when all is well, and then has no codes', async () => {
    const { status, body } = await health();
    assert.equal(status, 200);
    assert.equal(body.status, 'ok');
    assert.ok(!('codes' in body));
  });

  it('that many ask for at once looks at the database once', async () => {
    const database = new CountingDatabase({ connectionString: stage0.database.appUrl });
    try {
      const alone = new Health({ database, writesFailedAtMs: () => undefined });
      await alone.report();
      const once = database.taken;
      await Promise.all(Array.from({ length: 50 }, () => alone.report()));
      assert.equal(database.taken, 2 * once);
    } finally {
      await database.close();
    }
  });

  it('asked for readiness is 503 until the kernels are booted', async () => {
    const refused = await health('?ready=1');
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.equal((await health()).status, 200);
    isReady = true;
    assert.equal((await health('?ready=1')).status, 200);
    assert.equal((await health('?ready=maybe')).status, 400);
  });

  it('is degraded while the last append failed by no fault of its caller, until one succeeds', async () => {
    const token = await stage0.token('alice', 'acme');
    const post = () =>
      stage0.call('/api/spans', { token, body: { entity_type: 'note', who: 'alice', this: 'x' } });
    await asSuperuser(`
      CREATE FUNCTION ledger.full() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
      CREATE TRIGGER disk_full BEFORE INSERT ON ledger.universal_registry EXECUTE FUNCTION ledger.full();`);
    assert.equal((await post()).status, 503);
    const { status, body } = await health();
    assert.deepEqual([status, body.status, body.codes], [200, 'degraded', ['writes_failing']]);
    aheadMs = -60_000;
    assert.equal((await health()).body.status, 'ok', 'a failure that lies ahead is none of the last minute');
    aheadMs = 0;
    await asSuperuser('DROP TRIGGER disk_full ON ledger.universal_registry');
    assert.equal((await post()).status, 201);
    assert.equal((await health()).body.status, 'ok');
  });

  it('is degraded while the log of any tenant is stopped, without saying whose', async () => {
    await asSuperuser(`
      INSERT INTO ledger.log (log_no, tenant_id, origin) VALUES (1, 'globex', 'test/globex');
      INSERT INTO app.log_head (log_no, size, frontier, stopped_at, stop_reason) VALUES (1, 1, '', now(), 'why')`);
    const { body } = await health();
    assert.deepEqual([body.status, body.codes], ['degraded', ['proofs_stopped']]);
    assert.doesNotMatch(JSON.stringify(body), /globex|why/);
    await asSuperuser('DELETE FROM app.log_head');
    assert.equal((await health()).body.status, 'ok');
  });

  it('is not degraded by an append that is refused for what it says', async () => {
    const token = await stage0.token('alice', 'acme');
    const body = {
      id: '0192f0e1-7a11-7111-8111-0123456789ab',
      seq: 3,
      entity_type: 'n',
      who: 'a',
      this: 'x',
    };
    assert.equal((await stage0.call('/api/spans', { token, body })).status, 409);
    assert.equal((await health()).body.status, 'ok');
  });

  it('is degraded when a job missed its ticks', async () => {
    await asSuperuser(
      `INSERT INTO app.job_run (job, started_at) VALUES ('observer_bot', now() - interval '61 seconds')`,
    );
    assert.deepEqual((await health()).body.codes, ['ticks_late']);
    // The clock was set back, and nothing began since.
    await asSuperuser("UPDATE app.job_run SET started_at = now() + interval '61 seconds'");
    assert.deepEqual((await health()).body.codes, ['ticks_late']);
    await asSuperuser('UPDATE app.job_run SET started_at = now()');
    assert.equal((await health()).body.status, 'ok');
  });

  it('is degraded while one transaction keeps the feed from going on, and not by one that ends in time', async () => {
    const token = await stage0.token('alice', 'acme');
    const body = { entity_type: 'note', who: 'alice', this: 'x' };
    await withClient(stage0.database.superuserUrl, async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT pg_current_xact_id()');
      // A span that is held back; without one the feed is not late.
      assert.equal((await stage0.call('/api/spans', { token, body })).status, 201);
      assert.equal((await health()).body.status, 'ok');
      aheadMs = 19_000;
      assert.equal((await health()).body.status, 'ok');
      aheadMs = 60_000;
      assert.deepEqual((await health()).body.codes, ['feed_held_back']);
      await client.query('COMMIT');
      assert.equal((await health()).body.status, 'ok');
      // Other transactions, each open for a short time only.
      for (const later of [90_000, 120_000]) {
        await client.query('BEGIN');
        await client.query('SELECT pg_current_xact_id()');
        assert.equal((await stage0.call('/api/spans', { token, body })).status, 201);
        aheadMs = later;
        assert.equal((await health()).body.status, 'ok');
        await client.query('COMMIT');
      }
    });
  });
});

import assert from 'node:assert/strict';
import { UnavailableError } from '../../runtime/base/errors';
import type { Database } from '../../runtime/db/pool';
import { openGuestDatabase, UserSql, type UserSqlRun } from '../../runtime/host/user-sql';
import { withClient } from '../support/sql-session';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';

const ALICE = { user: 'alice', tenant: 'acme' };
const BOB = { user: 'bob', tenant: 'other' };
const QUICK = { text: 'SELECT count(*)::int AS n FROM generate_series(1, 5000) g', values: [] };
/** Without temporary files. */
const ENDLESS = {
  text: 'SELECT count(*) FROM generate_series(1, 100000) g, generate_series(1, 100000) h',
  values: [],
};

describe('connections of user SQL', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let guests: Database;
  let userSql: UserSql;
  before(async () => {
    database = await createTestDatabase();
    // The limit of a statement must not depend on what connection and role say.
    guests = openGuestDatabase({ connectionString: database.urls.guest, statementTimeoutMs: 60_000 });
  });
  beforeEach(() => {
    userSql = new UserSql({ writer: guests });
  });
  after(async () => {
    await guests.close();
    await database.drop();
  });

  const never = new AbortController().signal;
  const busy = (): Promise<number> =>
    withClient(database.superuserUrl, async (client) => {
      const { rows } = await client.query(
        `SELECT count(*)::int AS n FROM pg_stat_activity
          WHERE usename = 'logline_guest' AND datname = current_database() AND state = 'active'`,
      );
      return rows[0].n;
    });
  /** Starts calls of a run, and counts those that ended. */
  const start = (run: UserSqlRun, count: number, signal = never, statement = QUICK) => {
    const counted = { ended: 0 };
    const calls = Array.from({ length: count }, () =>
      run.run(statement, signal).finally(() => {
        counted.ended += 1;
      }),
    );
    return { counted, calls };
  };
  /** How many of these calls are refused at once, because too many wait. */
  const refusedOf = async (calls: readonly Promise<unknown>[]): Promise<number> => {
    let refused = 0;
    for (const call of calls)
      call.catch((error: unknown) => {
        if (error instanceof UnavailableError && /Too many calls are waiting/.test(error.message))
          refused += 1;
      });
    await new Promise(setImmediate);
    return refused;
  };

  it('go in turn by tenant: one that comes later waits for none of the runs before it', async () => {
    const before = Array.from({ length: 20 }, () => start(userSql.ofRun(ALICE), 4));
    const bob = await userSql.ofRun(BOB).run(QUICK, never);
    assert.deepEqual(bob.rows, [{ n: 5000 }]);
    const ended = before.reduce((sum, { counted }) => sum + counted.ended, 0);
    assert.ok(ended < 40, `${ended} of 80 statements went before`);
    await Promise.all(before.flatMap(({ calls }) => calls));
  });

  it('go in turn by run: one with few statements waits for few of one with many', async () => {
    const many = start(userSql.ofRun(ALICE), 80);
    await userSql.ofRun(ALICE).run(QUICK, never);
    assert.ok(many.counted.ended < 40, `${many.counted.ended} of 80 statements went before`);
    await Promise.all(many.calls);
  });

  it('are left to others but three, whatever one tenant runs', async () => {
    const over = new AbortController();
    const runs = Array.from({ length: 5 }, () => start(userSql.ofRun(ALICE), 4, over.signal, ENDLESS));
    const ends = Promise.allSettled(runs.flatMap(({ calls }) => calls));
    await until('three statements run', async () => (await busy()) >= 3);
    for (let look = 0; look < 20; look += 1) assert.ok((await busy()) <= 3);
    over.abort();
    await ends;
  });

  it('a statement ends at its time limit, whatever the connection was opened with', async () => {
    await assert.rejects(userSql.ofRun(ALICE).run(ENDLESS, never), /longer than 2000 ms/);
  });

  it('a statement runs in a transaction that cannot write, whatever the role may', async () => {
    const own = await createTestDatabase();
    const { pathname } = new URL(own.superuserUrl);
    await withClient(own.superuserUrl, (superuser) =>
      superuser.query(`
        ALTER ROLE logline_guest IN DATABASE ${pathname.slice(1)} SET default_transaction_read_only = off;
        DROP VIEW ledger.visible_timeline;
        CREATE VIEW ledger.visible_timeline AS SELECT current_setting('transaction_read_only') AS this;
        GRANT SELECT ON ledger.visible_timeline TO logline_guest`),
    );
    const writable = openGuestDatabase({ connectionString: own.urls.guest });
    try {
      const run = new UserSql({ writer: writable }).ofRun(ALICE);
      const { rows } = await run.run({ text: 'SELECT this FROM ledger.visible_timeline', values: [] }, never);
      assert.deepEqual(rows, [{ this: 'on' }]);
    } finally {
      await writable.close();
      await own.drop();
    }
  });

  for (const [what, tenants, runs, callsOfRun, accepted] of [
    ['a run', 1, 1, 200, 104],
    ['a tenant', 1, 60, 4, 203],
    ['all tenants', 8, 60, 4, 1_004],
  ] as const) {
    it(`a bounded number of calls of ${what} wait, more are refused, and waiting ends with the run`, async () => {
      const over = new AbortController();
      const calls = Array.from({ length: tenants * runs }, (_, index) =>
        userSql.ofRun({ user: 'alice', tenant: `tenant ${index % tenants}` }),
      ).flatMap((run) => start(run, callsOfRun, over.signal, ENDLESS).calls);
      const refused = await refusedOf(calls);
      over.abort();
      assert.equal(calls.length - refused, accepted);
      const ends = await Promise.allSettled(calls);
      assert.ok(ends.every(({ status }) => status === 'rejected'));
    });
  }
});

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the code under test is written in these strings
import assert from 'node:assert/strict';
import { Client } from 'pg';
import { Database } from '../../runtime/db/pool';
import { READER_PROBES, Reader } from '../../runtime/db/reader';
import { GUEST_POOL_SIZE, UserSql, type UserSqlRun } from '../../runtime/host/user-sql';
import { withClient } from '../support/sql-session';
import { until } from '../support/until';
import { ALICE, NEVER, UserSqlSuite } from '../support/user-sql-suite';

/** Without temporary files. */
const ENDLESS = 'SELECT count(*) FROM generate_series(1, 100000) g, generate_series(1, 100000) h';
const READS =
  'async function main(ctx, input) { return (await ctx.sql`SELECT this FROM ledger.visible_timeline WHERE this = ${input}`).rows; }';

describe('SQL of user code beside a reader', function () {
  this.timeout(120_000);
  let suite: UserSqlSuite;
  before(async () => {
    suite = await UserSqlSuite.start();
  });
  after(() => suite?.close());

  /** A run that may read from the reader once that has everything written before. */
  const runOfAlice = async (): Promise<UserSqlRun> => suite.userSql.ofRun(ALICE, await suite.xmax());

  it('runs on the reader, and sees spans appended just before the run', async () => {
    const id = await suite.functionOf(READS);
    await suite.follows();
    const { ran } = await suite.seatsOf(async () => {
      for (let count = 0; count < 20; count += 1) {
        await suite.post({ this: `before ${count}` });
        assert.deepEqual(await suite.execute(id, `before ${count}`), [{ this: `before ${count}` }]);
      }
    });
    assert.ok(ran.reader > 0, 'the reader was asked');
  });

  it('of a run whose position the reader has replayed opens no session on the writer', async () => {
    await suite.post({ this: 'long known' });
    await suite.follows();
    const { found, ran } = await suite.seatsOf(async () => suite.select(await runOfAlice(), 'long known'));
    assert.deepEqual(found, [{ this: 'long known' }]);
    assert.deepEqual(ran, { writer: 0, reader: 1 });
  });

  it("sees the run's own appends, and after a conflict the conflicting span", async () => {
    const id = await suite.functionOf(`async function main(ctx, input) {
      const seen = [];
      for (let n = 0; n < 10; n++) {
        const made = await ctx.insertSpan({ entity_type: 'made', who: 'f', this: 'made ' + n });
        const { rows } = await ctx.sql\`SELECT this FROM ledger.visible_timeline WHERE id = \${made.id}\`;
        seen.push(rows[0]?.this);
      }
      return seen;
    }`);
    await suite.follows();
    const names = Array.from({ length: 10 }, (_, n) => `made ${n}`);
    assert.deepEqual(await suite.execute(id), names);
    assert.deepEqual(
      await suite.pair.paused(() => suite.execute(id)),
      names,
      'while the reader stands still',
    );

    const run = await runOfAlice();
    await suite.pair.paused(async () => {
      await suite.post({ this: 'conflicting' });
      run.appended(undefined);
      assert.deepEqual(await suite.select(run, 'conflicting'), [{ this: 'conflicting' }]);
    });
  });

  it('runs on the writer when the reader does not replay', async () => {
    const id = await suite.functionOf(READS);
    await suite.follows();
    await suite.pair.paused(async () => {
      for (const name of ['behind 1', 'behind 2', 'behind 3']) {
        await suite.post({ this: name });
        const { found, ran } = await suite.seatsOf(() => suite.execute(id, name));
        assert.deepEqual(found, [{ this: name }]);
        assert.equal(ran.reader, 0);
      }
    });
    await suite.follows();
  });

  it('that the writer answered once stays there until its run ends, so that nothing it saw goes away', async () => {
    await suite.follows();
    const run = await suite.pair.paused(async () => {
      const begun = await runOfAlice();
      begun.appended(await suite.xmax());
      await suite.post({ this: 'seen on the writer' });
      assert.deepEqual(await suite.select(begun, 'seen on the writer'), [{ this: 'seen on the writer' }]);
      return begun;
    });
    await suite.follows();
    const { ran } = await suite.seatsOf(() => suite.select(run, 'seen on the writer'));
    assert.deepEqual(ran, { writer: 1, reader: 0 });
  });

  it('runs again on the writer when the standby that answered is behind the run’s position', async () => {
    /** Skips the wait, as if the address now led to another standby. */
    class Careless extends Reader {
      override run<T>(...[writer, _seen, work]: Parameters<Reader['run']>): Promise<T> {
        return super.run(writer, undefined, work) as Promise<T>;
      }
    }
    const standby = () => new Database({ connectionString: suite.pair.standbyUrls.guest, poolSize: 1 });
    const careless = new Careless({ database: standby(), probes: standby() });
    try {
      await suite.follows();
      await suite.pair.paused(async () => {
        await suite.post({ this: 'beyond that standby' });
        const sql = new UserSql({ writer: suite.guests, reader: careless });
        assert.equal(
          (await suite.select(sql.ofRun(ALICE, await suite.xmax()), 'beyond that standby')).length,
          1,
        );
        const { ran } = await suite.seatsOf(() => suite.select(sql.ofRun(ALICE, '3'), 'nothing'));
        assert.deepEqual(ran, { writer: 0, reader: 1 }, 'it stays in use');
      });
    } finally {
      await careless.close();
    }
  });

  it('of a run without a known position runs on the writer', async () => {
    await suite.follows();
    const { ran } = await suite.seatsOf(() => suite.select(suite.userSql.ofRun(ALICE), 'nothing'));
    assert.deepEqual(ran, { writer: 1, reader: 0 });
  });

  it('shows each owner only its readable spans on the reader’s connections', async () => {
    await suite.post({ this: 'private of acme' });
    await suite.post({ this: 'of the tenant', visibility: 'tenant' });
    await suite.follows();
    const seen = await suite.xmax();
    const counts = async (user: string, tenant: string): Promise<number[]> => {
      const run = suite.userSql.ofRun({ user, tenant }, seen);
      const found = await Promise.all(
        ['private of acme', 'of the tenant'].map((name) => suite.select(run, name)),
      );
      return found.map(({ length }) => length);
    };
    const { found, ran } = await suite.seatsOf(() =>
      Promise.all(
        Array.from({ length: 30 }, (_, n) =>
          n % 3 === 0
            ? counts('alice', 'acme')
            : n % 3 === 1
              ? counts('bob', 'acme')
              : counts('alice', 'other'),
        ),
      ),
    );
    assert.equal(ran.writer, 0);
    for (const [n, count] of found.entries())
      assert.deepEqual(
        count,
        [
          [1, 1],
          [0, 1],
          [0, 0],
        ][n % 3],
        `run ${n}`,
      );
  });

  it('takes no more connections of the reader than it has of the writer, and leaves one to other tenants', async () => {
    await suite.follows();
    const seen = await suite.xmax();
    const runs = Array.from({ length: 5 }, () => suite.userSql.ofRun(ALICE, seen));
    const text = 'SELECT count(*)::int AS n FROM generate_series(1, 20000) g';
    await Promise.all(
      runs.flatMap((run) => Array.from({ length: 20 }, () => run.run({ text, values: [] }, NEVER))),
    );
    const { rows } = await suite.pair.onStandby(`
      SELECT count(*)::int AS sessions, count(*) FILTER (WHERE query !~ 'pg_is_in_recovery')::int AS of_users
      FROM pg_stat_activity WHERE usename = 'logline_guest'`);
    assert.ok(rows[0].sessions <= GUEST_POOL_SIZE + READER_PROBES, `${rows[0].sessions} sessions`);
    assert.ok(rows[0].of_users <= GUEST_POOL_SIZE, `${rows[0].of_users} of users`);
  });

  const refused: [what: string, text: string, message: RegExp][] = [
    ['takes too long', ENDLESS, /longer than 2000 ms/],
    [
      'answers too much',
      'SELECT repeat_of.t || g::text AS t FROM (SELECT $1::text AS t) repeat_of, generate_series(1, 200) g',
      /more than 4194304 bytes/,
    ],
    [
      'gathers too much',
      'SELECT count(*) FROM (SELECT DISTINCT $1::text || g::text FROM generate_series(1, 20000) g) d',
      /more than it may keep on disk/,
    ],
    ['has too many rows', 'SELECT g FROM generate_series(1, 2000) g', /more than 1000 rows/],
    ['computes what there is not', 'SELECT 1 / (g - 1) FROM generate_series(1, 2) g', /division by zero/],
  ];
  for (const [what, text, message] of refused) {
    it(`that ${what} ends on the reader as it does on the writer, and is not run there again`, async () => {
      await suite.follows();
      const values = text.includes('$1') ? ['x'.repeat(30_000)] : [];
      const { ran } = await suite.seatsOf(async () =>
        assert.rejects((await runOfAlice()).run({ text, values }, NEVER), message),
      );
      assert.equal(ran.writer, 0);
      const after = await suite.seatsOf(async () => suite.select(await runOfAlice(), 'nothing'));
      assert.deepEqual(after.ran, { writer: 0, reader: 1 }, 'the reader is in use');
    });
  }

  it('that its run leaves behind does not put the reader out of use', async () => {
    await suite.follows();
    const over = new AbortController();
    const left = (await runOfAlice()).run({ text: ENDLESS, values: [] }, over.signal);
    await suite.runsOnReader();
    over.abort();
    await assert.rejects(left, { name: 'AbortError' });
    const { ran } = await suite.seatsOf(async () => suite.select(await runOfAlice(), 'nothing'));
    assert.deepEqual(ran, { writer: 0, reader: 1 });
  });

  it('that the reader ends for the sake of replay runs again on the writer', async () => {
    await suite.pair.onPrimary('CREATE TABLE public.in_the_way (n int) WITH (autovacuum_enabled = off)');
    await suite.pair.onPrimary('INSERT INTO public.in_the_way SELECT generate_series(1, 1000)');
    await suite.pair.onStandby("ALTER SYSTEM SET max_standby_streaming_delay = '0'");
    await suite.pair.onStandby('SELECT pg_reload_conf()');
    try {
      // Where the machine is slow the statement may reach its own limit on the reader first.
      await until('one is ended and runs on the writer', async () => {
        await suite.follows();
        const run = await runOfAlice();
        const { ran } = await suite.seatsOf(async () => {
          const ended = assert.rejects(run.run({ text: ENDLESS, values: [] }, NEVER), /longer than 2000 ms/);
          await suite.runsOnReader();
          await suite.pair.onPrimary(
            'DELETE FROM public.in_the_way WHERE n IN (SELECT min(n) FROM public.in_the_way)',
          );
          await suite.pair.onPrimary('VACUUM public.in_the_way');
          await ended;
        });
        return ran.writer === 1;
      });
    } finally {
      await suite.pair.onStandby('ALTER SYSTEM RESET max_standby_streaming_delay');
      await suite.pair.onStandby('SELECT pg_reload_conf()');
    }
    await suite.follows();
  });

  /** A run that asks until it sees the span named by its input. */
  const WAITS = `async function main(ctx, input) {
    for (let asked = 1; ; asked++) {
      const { rows } = await ctx.sql\`
        SELECT this, (SELECT count(*) FROM generate_series(1, 50000) g) AS n
        FROM ledger.visible_timeline WHERE this = \${input}\`;
      if (rows.length > 0) return rows[0].this;
    }
  }`;
  for (const [what, lose] of [
    ['stopped', () => suite.proxy.refuse()],
    ['cut off', async () => suite.proxy.freeze()],
  ] as const) {
    it(`continues on the writer when the reader is ${what} in the middle of a run`, async () => {
      const id = await suite.functionOf(WAITS);
      await suite.follows();
      const name = `after the reader was ${what}`;
      const running = suite.execute(id, name);
      try {
        await until('it asks the reader', async () => {
          const { rows } = await suite.pair.onStandby(
            `SELECT FROM pg_stat_activity WHERE usename = 'logline_guest' AND state <> 'idle' AND query ~ '^(DECLARE|FETCH)'`,
          );
          return rows.length > 0;
        });
        await lose();
        await suite.post({ this: name });
        assert.equal(await running, name);
      } finally {
        await suite.proxy.accept();
        await running.catch(() => undefined);
      }
      await suite.follows();
    });
  }

  it('runs on the writer while the reader takes no more connections', async () => {
    await suite.follows();
    await suite.proxy.refuse();
    const others: Client[] = [];
    try {
      await until('the reader is full', async () => {
        const client = new Client({ connectionString: suite.pair.standbyUrls.guest });
        client.on('error', () => undefined);
        try {
          await client.connect();
        } catch (error) {
          return (error as { code?: string }).code === '53300';
        }
        others.push(client);
        return false;
      });
      await suite.proxy.accept();
      const id = await suite.functionOf(READS);
      await suite.post({ this: 'while it is full' });
      assert.deepEqual(await suite.execute(id, 'while it is full'), [{ this: 'while it is full' }]);
    } finally {
      await Promise.all(others.map((client) => client.end()));
      await suite.proxy.accept();
    }
    await suite.follows();
  });

  it('runs on the writer once the reader was promoted, and once it is gone', async () => {
    const id = await suite.functionOf(READS);
    await suite.follows();
    await withClient(suite.pair.standby.superuserUrl('logline'), async (client) => {
      await client.query('SELECT pg_promote(true)');
      for (let count = 0; count < 50; count += 1) await client.query('SELECT pg_current_xact_id()');
    });
    await suite.post({ this: 'after the promotion' });
    const { found, ran } = await suite.seatsOf(() => suite.execute(id, 'after the promotion'));
    assert.deepEqual([found, ran.writer > 0], [[{ this: 'after the promotion' }], true]);
    await suite.pair.standby.stop();
    await suite.post({ this: 'after the end' });
    assert.deepEqual(await suite.execute(id, 'after the end'), [{ this: 'after the end' }]);
  });
});

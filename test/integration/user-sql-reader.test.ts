// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the code under test is written in these strings
import assert from 'node:assert/strict';
import { Client } from 'pg';
import type { JsonValue } from '../../runtime/base/span';
import { Database } from '../../runtime/db/pool';
import { READER_PROBES, Reader } from '../../runtime/db/reader';
import {
  GUEST_POOL_SIZE,
  openGuestDatabase,
  openGuestReader,
  UserSql,
  type UserSqlRun,
} from '../../runtime/host/user-sql';
import { withClient } from '../support/sql-session';
import { type StandbyPair, startStandbyPair } from '../support/standby';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { createTestKernels, type TestKernels } from '../support/test-kernels';
import { until } from '../support/until';

const SPANS_NAMED = 'SELECT this FROM ledger.visible_timeline WHERE this = $1';
/** Without temporary files. */
const ENDLESS = 'SELECT count(*) FROM generate_series(1, 100000) g, generate_series(1, 100000) h';
const READS =
  'async function main(ctx, input) { return (await ctx.sql`SELECT this FROM ledger.visible_timeline WHERE this = ${input}`).rows; }';

/** Connections of guests that ran a statement of a user since a moment, by server. */
type Seats = Readonly<Record<'writer' | 'reader', number>>;

describe('SQL of user code beside a reader', function () {
  this.timeout(120_000);
  let pair: StandbyPair;
  let proxy: TcpProxy;
  let reader: Reader;
  let kernels: TestKernels;
  let token: string;
  /** User SQL without a sandbox before it. */
  let userSql: UserSql;
  let guests: Database;

  before(async () => {
    pair = await startStandbyPair();
    proxy = await startTcpProxy(pair.standby.port);
    const url = new URL(pair.standbyUrls.guest);
    url.port = String(proxy.port);
    reader = openGuestReader({ connectionString: url.href }, { restMs: 100 });
    kernels = await createTestKernels({
      guestReader: reader,
      database: {
        appUrl: pair.primaryUrl,
        adminUrl: pair.primary.superuserUrl('logline'),
        superuserUrl: pair.primary.superuserUrl('logline'),
        urls: pair.primaryUrls,
        drop: async () => undefined,
      },
    });
    // Runs that wait for something that happens outside.
    await kernels.changeManifest({ sandbox: { wall_ms: 30_000, cpu_ms: 30_000, max_calls: 100_000 } });
    guests = openGuestDatabase({ connectionString: pair.primaryUrls.guest });
    userSql = new UserSql({ writer: guests, reader });
    token = await kernels.token('alice', 'acme');
    await follows();
  });
  after(async () => {
    await guests?.close();
    await kernels?.close();
    await reader?.close();
    await proxy?.close();
    await pair?.close();
  });

  const onStandby = (sql: string) =>
    withClient(pair.standby.superuserUrl('logline'), (client) => client.query(sql));
  const onPrimary = (sql: string) =>
    withClient(pair.primary.superuserUrl('logline'), (client) => client.query(sql));

  async function paused<T>(work: () => Promise<T>): Promise<T> {
    await onStandby('SELECT pg_wal_replay_pause()');
    try {
      return await work();
    } finally {
      await onStandby('SELECT pg_wal_replay_resume()');
    }
  }

  /** End of a snapshot of the writer. */
  async function xmax(): Promise<string> {
    const { rows } = await onPrimary('SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xmax');
    return rows[0].xmax;
  }

  /** The reader is in use and has all that there is now. */
  async function follows(): Promise<void> {
    await until('user SQL goes to the reader', async () => {
      const { ran } = await seatsOf(async () => select(userSql.ofRun(ALICE, await xmax()), 'nothing'));
      return ran.reader === 1;
    });
  }

  /** Where the statements of users ran meanwhile: on each server, by how many connections. */
  async function seatsOf<T>(work: () => Promise<T>): Promise<{ readonly found: T; readonly ran: Seats }> {
    const now = 'SELECT clock_timestamp()::text AS now';
    const since = [(await onPrimary(now)).rows[0].now, (await onStandby(now)).rows[0].now];
    const found = await work();
    const busy = (moment: string) => `
      SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE usename = 'logline_guest' AND query_start > '${moment}' AND query ~ '^(DECLARE|FETCH|COMMIT|ROLLBACK)'`;
    const writer = (await onPrimary(busy(since[0]))).rows[0].n;
    return { found, ran: { writer, reader: (await onStandby(busy(since[1]))).rows[0].n } };
  }

  /** Statements of users that run on the reader now. */
  async function fetching(): Promise<number> {
    const { rows } = await onStandby(
      `SELECT FROM pg_stat_activity WHERE usename = 'logline_guest' AND state = 'active' AND query ~ '^FETCH'`,
    );
    return rows.length;
  }

  const ALICE = { user: 'alice', tenant: 'acme' };
  const never = new AbortController().signal;
  const select = async (run: UserSqlRun, name: string): Promise<JsonValue[]> =>
    (await run.run({ text: SPANS_NAMED, values: [name] }, never)).rows;

  async function post(span: object, as = token): Promise<string> {
    const body = { entity_type: 'note', who: 'alice', ...span };
    const { status, body: answer } = await kernels.call('/api/spans', { token: as, body });
    assert.equal(status, 201, JSON.stringify(answer));
    return answer.span.id;
  }
  const functionOf = (code: string) => post({ entity_type: 'function', this: 'f', name: 'f', code });
  async function execute(id: string, input: JsonValue = null): Promise<JsonValue> {
    const { status, body } = await kernels.call(`/api/execute/${id}`, { token, body: { input } });
    assert.equal(status, 200, JSON.stringify(body));
    return body.result;
  }

  it('runs on the reader, and sees spans appended just before the run', async () => {
    const id = await functionOf(READS);
    await follows();
    const { ran } = await seatsOf(async () => {
      for (let count = 0; count < 20; count += 1) {
        await post({ this: `before ${count}` });
        assert.deepEqual(await execute(id, `before ${count}`), [{ this: `before ${count}` }]);
      }
    });
    assert.ok(ran.reader > 0, 'the reader was asked');
  });

  it('of a run whose position the reader has replayed opens no session on the writer', async () => {
    await post({ this: 'long known' });
    await follows();
    const { found, ran } = await seatsOf(async () =>
      select(userSql.ofRun(ALICE, await xmax()), 'long known'),
    );
    assert.deepEqual(found, [{ this: 'long known' }]);
    assert.deepEqual(ran, { writer: 0, reader: 1 });
  });

  it("sees the run's own appends, and after a conflict the conflicting span", async () => {
    const id = await functionOf(`async function main(ctx, input) {
      const seen = [];
      for (let n = 0; n < 10; n++) {
        const made = await ctx.insertSpan({ entity_type: 'made', who: 'f', this: 'made ' + n });
        const { rows } = await ctx.sql\`SELECT this FROM ledger.visible_timeline WHERE id = \${made.id}\`;
        seen.push(rows[0]?.this);
      }
      return seen;
    }`);
    await follows();
    const names = Array.from({ length: 10 }, (_, n) => `made ${n}`);
    assert.deepEqual(await execute(id), names);
    assert.deepEqual(await paused(() => execute(id)), names, 'while the reader stands still');

    const run = userSql.ofRun(ALICE, await xmax());
    await paused(async () => {
      await post({ this: 'conflicting' });
      run.appended(undefined);
      assert.deepEqual(await select(run, 'conflicting'), [{ this: 'conflicting' }]);
    });
  });

  it('runs on the writer when the reader does not replay', async () => {
    const id = await functionOf(READS);
    await follows();
    await paused(async () => {
      for (const name of ['behind 1', 'behind 2', 'behind 3']) {
        await post({ this: name });
        const { found, ran } = await seatsOf(() => execute(id, name));
        assert.deepEqual(found, [{ this: name }]);
        assert.equal(ran.reader, 0);
      }
    });
    await follows();
  });

  it('that the writer answered once stays there until its run ends, so that nothing it saw goes away', async () => {
    await follows();
    const run = await paused(async () => {
      const begun = userSql.ofRun(ALICE, await xmax());
      begun.appended(await xmax());
      await post({ this: 'seen on the writer' });
      assert.deepEqual(await select(begun, 'seen on the writer'), [{ this: 'seen on the writer' }]);
      return begun;
    });
    await follows();
    const { ran } = await seatsOf(() => select(run, 'seen on the writer'));
    assert.deepEqual(ran, { writer: 1, reader: 0 });
  });

  it('runs again on the writer when the standby that answered is behind the run’s position', async () => {
    /** Skips the wait, as if the address now led to another standby. */
    class Careless extends Reader {
      override run<T>(...[writer, _seen, work]: Parameters<Reader['run']>): Promise<T> {
        return super.run(writer, undefined, work) as Promise<T>;
      }
    }
    const standby = () => new Database({ connectionString: pair.standbyUrls.guest, poolSize: 1 });
    const careless = new Careless({ database: standby(), probes: standby() });
    try {
      await follows();
      await paused(async () => {
        await post({ this: 'beyond that standby' });
        const sql = new UserSql({ writer: guests, reader: careless });
        assert.equal((await select(sql.ofRun(ALICE, await xmax()), 'beyond that standby')).length, 1);
        const { ran } = await seatsOf(() => select(sql.ofRun(ALICE, '3'), 'nothing'));
        assert.deepEqual(ran, { writer: 0, reader: 1 }, 'it stays in use');
      });
    } finally {
      await careless.close();
    }
  });

  it('of a run without a known position runs on the writer', async () => {
    await follows();
    const { ran } = await seatsOf(() => select(userSql.ofRun(ALICE), 'nothing'));
    assert.deepEqual(ran, { writer: 1, reader: 0 });
  });

  it('shows each owner only its readable spans on the reader’s connections', async () => {
    await post({ this: 'private of acme' });
    await post({ this: 'of the tenant', visibility: 'tenant' });
    await follows();
    const seen = await xmax();
    const counts = async (user: string, tenant: string): Promise<number[]> => {
      const run = userSql.ofRun({ user, tenant }, seen);
      const found = await Promise.all(['private of acme', 'of the tenant'].map((name) => select(run, name)));
      return found.map(({ length }) => length);
    };
    const { found, ran } = await seatsOf(() =>
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
    await follows();
    const seen = await xmax();
    const runs = Array.from({ length: 5 }, () => userSql.ofRun(ALICE, seen));
    const text = 'SELECT count(*)::int AS n FROM generate_series(1, 20000) g';
    await Promise.all(
      runs.flatMap((run) => Array.from({ length: 20 }, () => run.run({ text, values: [] }, never))),
    );
    const { rows } = await onStandby(`
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
      await follows();
      const values = text.includes('$1') ? ['x'.repeat(30_000)] : [];
      const { ran } = await seatsOf(async () =>
        assert.rejects(userSql.ofRun(ALICE, await xmax()).run({ text, values }, never), message),
      );
      assert.equal(ran.writer, 0);
      const after = await seatsOf(async () => select(userSql.ofRun(ALICE, await xmax()), 'nothing'));
      assert.deepEqual(after.ran, { writer: 0, reader: 1 }, 'the reader is in use');
    });
  }

  it('that its run leaves behind does not put the reader out of use', async () => {
    await follows();
    const over = new AbortController();
    const left = userSql.ofRun(ALICE, await xmax()).run({ text: ENDLESS, values: [] }, over.signal);
    await until('it runs on the reader', async () => (await fetching()) > 0);
    over.abort();
    await assert.rejects(left, { name: 'AbortError' });
    const { ran } = await seatsOf(async () => select(userSql.ofRun(ALICE, await xmax()), 'nothing'));
    assert.deepEqual(ran, { writer: 0, reader: 1 });
  });

  it('that the reader ends for the sake of replay runs again on the writer', async () => {
    await onPrimary('CREATE TABLE public.in_the_way (n int) WITH (autovacuum_enabled = off)');
    await onPrimary('INSERT INTO public.in_the_way SELECT generate_series(1, 1000)');
    await onStandby("ALTER SYSTEM SET max_standby_streaming_delay = '0'");
    await onStandby('SELECT pg_reload_conf()');
    try {
      // Where the machine is slow the statement may reach its own limit on the reader first.
      await until('one is ended and runs on the writer', async () => {
        await follows();
        const run = userSql.ofRun(ALICE, await xmax());
        const { ran } = await seatsOf(async () => {
          const ended = assert.rejects(run.run({ text: ENDLESS, values: [] }, never), /longer than 2000 ms/);
          await until('it runs on the reader', async () => (await fetching()) > 0);
          await onPrimary('DELETE FROM public.in_the_way WHERE n IN (SELECT min(n) FROM public.in_the_way)');
          await onPrimary('VACUUM public.in_the_way');
          await ended;
        });
        return ran.writer === 1;
      });
    } finally {
      await onStandby('ALTER SYSTEM RESET max_standby_streaming_delay');
      await onStandby('SELECT pg_reload_conf()');
    }
    await follows();
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
    ['stopped', () => proxy.refuse()],
    ['cut off', async () => proxy.freeze()],
  ] as const) {
    it(`continues on the writer when the reader is ${what} in the middle of a run`, async () => {
      const id = await functionOf(WAITS);
      await follows();
      const name = `after the reader was ${what}`;
      const running = execute(id, name);
      try {
        await until('it asks the reader', async () => {
          const { rows } = await onStandby(
            `SELECT FROM pg_stat_activity WHERE usename = 'logline_guest' AND state <> 'idle' AND query ~ '^(DECLARE|FETCH)'`,
          );
          return rows.length > 0;
        });
        await lose();
        await post({ this: name });
        assert.equal(await running, name);
      } finally {
        await proxy.accept();
        await running.catch(() => undefined);
      }
      await follows();
    });
  }

  it('runs on the writer while the reader takes no more connections', async () => {
    await follows();
    await proxy.refuse();
    const others: Client[] = [];
    try {
      await until('the reader is full', async () => {
        const client = new Client({ connectionString: pair.standbyUrls.guest });
        client.on('error', () => undefined);
        try {
          await client.connect();
        } catch (error) {
          return (error as { code?: string }).code === '53300';
        }
        others.push(client);
        return false;
      });
      await proxy.accept();
      const id = await functionOf(READS);
      await post({ this: 'while it is full' });
      assert.deepEqual(await execute(id, 'while it is full'), [{ this: 'while it is full' }]);
    } finally {
      await Promise.all(others.map((client) => client.end()));
      await proxy.accept();
    }
    await follows();
  });

  it('runs on the writer once the reader was promoted, and once it is gone', async () => {
    const id = await functionOf(READS);
    await follows();
    await withClient(pair.standby.superuserUrl('logline'), async (client) => {
      await client.query('SELECT pg_promote(true)');
      for (let count = 0; count < 50; count += 1) await client.query('SELECT pg_current_xact_id()');
    });
    await post({ this: 'after the promotion' });
    const { found, ran } = await seatsOf(() => execute(id, 'after the promotion'));
    assert.deepEqual([found, ran.writer > 0], [[{ this: 'after the promotion' }], true]);
    await pair.standby.stop();
    await post({ this: 'after the end' });
    assert.deepEqual(await execute(id, 'after the end'), [{ this: 'after the end' }]);
  });
});

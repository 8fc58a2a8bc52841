import assert from 'node:assert/strict';
import { NOBODY } from '../../runtime/base/identity';
import { Database } from '../../runtime/db/pool';
import { queryAs } from '../../runtime/db/query-as';
import { openReader, type Reader } from '../../runtime/db/reader';
import { withClient } from '../support/sql-session';
import { type StandbyPair, startStandbyPair } from '../support/standby';
import { startTcpProxy } from '../support/tcp-proxy';
import { until } from '../support/until';

describe('a reader', function () {
  this.timeout(120_000);
  let pair: StandbyPair;
  let writer: Database;
  before(async () => {
    pair = await startStandbyPair();
    writer = new Database({ connectionString: pair.primaryUrl });
  });
  after(async () => {
    await writer?.close();
    await pair?.close();
  });

  const newestTransaction = async (): Promise<bigint> => {
    const { rows } = await pair.onPrimary('SELECT pg_current_xact_id()::text AS id');
    return BigInt(rows[0].id);
  };
  /** Whether a reader, not the writer, serves a caller that has seen a transaction. */
  const answersFor = (other: Reader, seen: bigint): Promise<boolean> =>
    other.run(writer, seen, async (_database, isReplica) => isReplica);
  const follows = async (other: Reader): Promise<void> => {
    const seen = await newestTransaction();
    await until('the standby has it', () => answersFor(other, seen));
  };

  /** Result of a read, the server it ran on, and the number of attempts. */
  const slowRead = async (other: Reader, seconds: number) => {
    let runs = 0;
    const isReplica = await other.run(writer, undefined, async (database, replica) => {
      runs += 1;
      if (replica)
        await queryAs(database, NOBODY, { text: 'SELECT pg_sleep($1)', values: [seconds] }, 'read');
      return replica;
    });
    return { isReplica, runs };
  };

  it('whose address stands for several is asked at another one when the first does not answer', async () => {
    const url = new URL(pair.standbyUrl);
    url.hostname = 'readers.example';
    const asked: string[] = [];
    const several = openReader(
      { connectionString: url.href },
      {
        restMs: 50,
        resolve: (_host, callback) => {
          // Nothing listens at the first.
          const address = asked.length === 0 ? '127.0.0.9' : '127.0.0.1';
          asked.push(address);
          setImmediate(callback, null, [{ address, family: 4 }]);
        },
      },
    );
    try {
      assert.equal((await slowRead(several, 0)).isReplica, false);
      await until('the other one is used', async () => (await slowRead(several, 0)).isReplica);
      const before = asked.length;
      await Promise.all(Array.from({ length: 5 }, () => slowRead(several, 0.1)));
      assert.equal(asked.length, before, 'all connections go there');
    } finally {
      await several.close();
    }
  });

  // The server's time limit of 15 s for a silent reader is longer than these tests may take.
  it('whose network is cut leaves reads to the writer, and is used again once it answers', async function () {
    this.timeout(10_000);
    const proxy = await startTcpProxy(pair.standby.port);
    const url = new URL(pair.standbyUrl);
    url.port = String(proxy.port);
    const cut = openReader({ connectionString: url.href }, { restMs: 100 });
    try {
      await follows(cut);
      assert.deepEqual(await slowRead(cut, 0), { isReplica: true, runs: 1 });
      proxy.freeze();
      assert.deepEqual(await slowRead(cut, 0), { isReplica: false, runs: 2 }, 'a plain read');
      assert.equal(await answersFor(cut, await newestTransaction()), false, 'one’s own write');
      await proxy.accept();
      await until('the reader is used', async () => (await slowRead(cut, 0)).isReplica);
    } finally {
      await proxy.close();
      await cut.close();
    }
  });

  it('to which no connection can be made any more leaves reads to the writer', async function () {
    this.timeout(10_000);
    const proxy = await startTcpProxy(pair.standby.port);
    const url = new URL(pair.standbyUrl);
    url.port = String(proxy.port);
    const cut = openReader({ connectionString: url.href });
    try {
      proxy.freeze();
      assert.equal((await slowRead(cut, 0)).isReplica, false);
    } finally {
      await proxy.close();
      await cut.close();
    }
  });

  it('that is slow but answers runs a read once, even when all its connections are taken', async () => {
    const narrow = openReader({ connectionString: pair.standbyUrl, poolSize: 1 });
    try {
      assert.deepEqual(await slowRead(narrow, 1.5), { isReplica: true, runs: 1 });
    } finally {
      await narrow.close();
    }
  });

  it('on which a read exceeds the time for a statement does not leave it to the writer', async () => {
    const hasty = openReader({ connectionString: pair.standbyUrl, statementTimeoutMs: 100 });
    try {
      await assert.rejects(slowRead(hasty, 2), /took too long/);
      assert.equal((await slowRead(hasty, 0)).isReplica, true, 'and it goes on');
    } finally {
      await hasty.close();
    }
  });

  it('whose replay is in the way of a read leaves that one to the writer, and goes on with the others', async () => {
    const busy = openReader({ connectionString: pair.standbyUrl }, { restMs: 60_000 });
    try {
      await pair.onStandby("ALTER SYSTEM SET max_standby_streaming_delay = '10ms'");
      await pair.onStandby('SELECT pg_reload_conf()');
      await pair.onPrimary(
        'CREATE TABLE public.in_the_way (); GRANT SELECT ON public.in_the_way TO logline_app',
      );
      await until('the standby has it', async () => {
        const { rows } = await pair.onStandby("SELECT to_regclass('public.in_the_way') AS found");
        return rows[0]?.found !== null;
      });
      const text = 'SELECT count(*) FROM public.in_the_way, pg_sleep(0) UNION ALL SELECT 1 FROM pg_sleep(30)';
      let runs = 0;
      const hindered = busy.run(writer, undefined, async (database, isReplica) => {
        runs += 1;
        if (isReplica) await queryAs(database, NOBODY, { text, values: [] }, 'read');
        return isReplica;
      });
      await until('it reads', async () => {
        const { rows } = await pair.onStandby(
          "SELECT FROM pg_locks WHERE relation = 'public.in_the_way'::regclass",
        );
        return rows.length > 0;
      });
      const beside = slowRead(busy, 1);
      await pair.onPrimary('DROP TABLE public.in_the_way');
      assert.deepEqual([await hindered, runs], [false, 2]);
      assert.deepEqual(await slowRead(busy, 0), { isReplica: true, runs: 1 });
      assert.deepEqual(await beside, { isReplica: true, runs: 1 });
    } finally {
      await pair.onStandby('ALTER SYSTEM RESET max_standby_streaming_delay');
      await pair.onStandby('SELECT pg_reload_conf()');
      await busy.close();
    }
  });

  it('that was promoted vouches for nothing, however far its own transactions have come', async () => {
    const promoted = openReader({ connectionString: pair.standbyUrl });
    try {
      await follows(promoted);
      await withClient(pair.standby.superuserUrl('logline'), async (client) => {
        await client.query('SELECT pg_promote(true)');
        for (let count = 0; count < 50; count += 1) await client.query('SELECT pg_current_xact_id()');
      });
      assert.equal(await answersFor(promoted, await newestTransaction()), false);
    } finally {
      await promoted.close();
    }
  });
});

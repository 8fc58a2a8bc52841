import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { NOBODY } from '../../runtime/base/identity';
import { generateSigningKey } from '../../runtime/crypto';
import { Database } from '../../runtime/db/pool';
import { queryAs } from '../../runtime/db/query-as';
import { openReader, Reader } from '../../runtime/db/reader';
import { Sealer } from '../../runtime/proofs/sealer';
import { CursorSealer } from '../../runtime/stage0/cursor';
import { withClient } from '../support/sql-session';
import { type StandbyPair, startStandbyPair } from '../support/standby';
import { startTcpProxy } from '../support/tcp-proxy';
import { MemoryGuard } from '../support/test-log';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { until } from '../support/until';

/** Counts requests for a connection. */
class CountingDatabase extends Database {
  taken = 0;

  override connect(...args: Parameters<Database['connect']>): ReturnType<Database['connect']> {
    this.taken += 1;
    return super.connect(...args);
  }
}

describe('a reader', function () {
  this.timeout(120_000);
  let pair: StandbyPair;
  let reader: Reader;
  let stage0: TestStage0;
  let token: string;
  before(async () => {
    pair = await startStandbyPair();
    reader = openReader({ connectionString: pair.standbyUrl });
    stage0 = await createTestStage0({
      reader,
      reach: async () => ({ connectionString: pair.primaryUrl }),
    });
    token = await stage0.token('alice', 'acme');
  });
  after(async () => {
    await reader?.close();
    await stage0?.close();
    await pair?.close();
  });

  const post = async (name: string): Promise<{ id: string; position: string }> => {
    const body = { entity_type: 'note', who: 'alice', this: name };
    const { status, body: answer, headers } = await stage0.call('/api/spans', { token, body });
    assert.equal(status, 201, JSON.stringify(answer));
    return { id: answer.span.id, position: headers.get('x-logline-position') ?? '' };
  };
  const get = (path: string, atLeast?: string) =>
    stage0.call(path, {
      token,
      ...(atLeast === undefined ? {} : { headers: { 'x-logline-at-least': atLeast } }),
    });
  const names = async (path: string, atLeast?: string): Promise<string[]> => {
    const { status, body } = await get(path, atLeast);
    assert.equal(status, 200, JSON.stringify(body));
    return body.spans.map((span: { this: string }) => span.this);
  };

  it('shows a write at once to a caller that sends its position', async () => {
    for (let count = 0; count < 20; count += 1) {
      const { id, position } = await post(`write ${count}`);
      assert.equal((await get(`/api/spans/${id}`, position)).status, 200);
      assert.ok((await names('/api/timeline?limit=1', position)).includes(`write ${count}`));
    }
  });

  it('that lags answers up to its position, and the writer answers for the rest', async () => {
    await pair.paused(async () => {
      const before = await names('/api/timeline?limit=1');
      const { id, position } = await post('behind');
      assert.deepEqual(await names('/api/timeline?limit=1'), before, 'the standby answers plain reads');
      assert.equal((await get(`/api/spans/${id}`)).status, 404);
      assert.deepEqual(await names('/api/timeline?limit=1', position), ['behind']);
      assert.equal((await get(`/api/spans/${id}`, position)).status, 200);
      assert.equal(
        (await get(`/api/spans/${id}`, 'forged')).status,
        404,
        'a position that is none is ignored',
      );
      const feed = await get('/api/timeline?order=feed&limit=1000', position);
      const next = await get(`/api/timeline?order=feed&cursor=${feed.body.next_cursor}`);
      assert.deepEqual([next.status, next.body.spans], [200, []], 'a cursor ahead of the standby');
    });
  });

  it('that lags by more than reads wait has no further read wait, and is used again once it follows', async () => {
    const probes = new CountingDatabase({ connectionString: pair.standbyUrl, poolSize: 1 });
    const standby = new Database({ connectionString: pair.standbyUrl, poolSize: 2 });
    const lagging = new Reader({ database: standby, probes, waitMs: 300 });
    const writtenTx = async (): Promise<bigint> => {
      const { rows } = await queryAs<{ id: string }>(stage0.pool, NOBODY, {
        text: 'SELECT pg_current_xact_id()::text AS id',
        values: [],
      });
      return BigInt(rows[0]?.id ?? 0);
    };
    const isOnStandby = async () =>
      lagging.run(stage0.pool, await writtenTx(), async (_database, isReplica) => isReplica);
    try {
      await until('it follows', isOnStandby);
      await pair.onStandby('SELECT pg_wal_replay_pause()');
      assert.equal(await isOnStandby(), false);
      const before = probes.taken;
      for (let read = 0; read < 10; read += 1) assert.equal(await isOnStandby(), false);
      assert.equal(probes.taken - before, 10, 'each read asks once, and goes to the writer');
      await pair.onStandby('SELECT pg_wal_replay_resume()');
      await until('it is used again', isOnStandby);
    } finally {
      await pair.onStandby('SELECT pg_wal_replay_resume()');
      await lagging.close();
    }
  });

  it('serves proofs, and the writer those of newer spans', async () => {
    const database = new Database({ connectionString: pair.primary.superuserUrl('logline') });
    const keys = { current: generateSigningKey(), along: [] };
    const sealer = new Sealer({ database, keys: () => keys, instance: 'test', guard: new MemoryGuard() });
    try {
      const { id: inTheLog } = await post('in the log');
      assert.equal((await sealer.sealBatch()).outcome, 'sealed');
      const consistency = (to: number) => get(`/api/log/acme/consistency?from=1&to=${to}`);
      await until('the standby has the log', async () => {
        const { rows } = await pair.onStandby('SELECT FROM ledger.checkpoint');
        return rows.length > 0;
      });
      assert.equal((await consistency(1)).status, 200);
      const { rows } = await pair.onStandby(
        `SELECT FROM pg_stat_activity WHERE usename = 'logline_app' AND query LIKE '%ledger.log%'`,
      );
      assert.ok(rows.length > 0, 'the standby was asked');
      await pair.onStandby('SELECT pg_wal_replay_pause()');
      const { id: beyond } = await post('beyond the standby');
      await sealer.sealBatch();
      const { rows: sizes } = await database.pool.query(
        `SELECT max(size)::int AS size FROM ledger.checkpoint JOIN ledger.log USING (log_no) WHERE tenant_id = 'acme'`,
      );
      assert.equal((await consistency(sizes[0]?.size)).status, 200);
      assert.equal((await consistency(sizes[0]?.size + 1)).status, 404);
      const proof = async (id: string) =>
        (await stage0.call(`/api/spans/${id}/proof`, { token, headers: { accept: 'application/json' } }))
          .status;
      assert.equal(await proof(beyond), 200);
      // Now only the standby may read it.
      await database.pool.query('REVOKE SELECT ON ledger.log_entry FROM logline_app');
      assert.equal(await proof(inTheLog), 200);
      assert.notEqual(await proof(beyond), 200);
    } finally {
      await database.pool.query('GRANT SELECT ON ledger.log_entry TO logline_app');
      await pair.onStandby('SELECT pg_wal_replay_resume()');
      await database.close();
    }
  });

  it('that is behind leaves the next page of a listing that the writer began to the writer', async () => {
    await pair.paused(async () => {
      for (const name of ['page 1', 'page 2', 'page 3']) await post(name);
      const { position } = await post('page 4');
      let page = await get('/api/timeline?limit=1', position);
      const seen = [page.body.spans[0]?.this];
      for (let count = 0; count < 3; count += 1) {
        page = await get(`/api/timeline?limit=1&cursor=${page.body.next_cursor}`);
        seen.push(page.body.spans[0]?.this);
      }
      assert.deepEqual(seen, ['page 4', 'page 3', 'page 2', 'page 1']);
    });
  });

  it('ignores a position of another cell, from before a restore or forged, and leaves a future one to the writer', async () => {
    await pair.paused(async () => {
      const { id, position } = await post('of this cell');
      const { current: epoch, xmax } = await stage0.epochs.read();
      const txId = String(xmax + 1_000_000n);
      const other = position[10] === 'A' ? 'B' : 'A';
      for (const [what, sent, status] of [
        ['another cell', new CursorSealer([generateSigningKey()]).sealPosition({ epoch, txId }), 404],
        ['before a restore', stage0.cursors.sealPosition({ epoch: randomUUID(), txId }), 404],
        ['forged', `${position.slice(0, 10)}${other}${position.slice(11)}`, 404],
        ['the future', stage0.cursors.sealPosition({ epoch, txId }), 200],
      ] as const)
        assert.equal((await get(`/api/spans/${id}`, sent)).status, status, what);
    });
  });

  it('that begins a listing never shows later commits on its later pages', async () => {
    const { position } = await post('ready');
    await get('/api/timeline?limit=1', position);
    await withClient(pair.primaryUrl, async (late) => {
      await late.query('BEGIN');
      await late.query("SELECT pg_current_xact_id(), set_config('app.user_id', 'alice', true)");
      // Committed, with a greater id than the open transaction.
      const { id } = await post('meanwhile');
      await until('the standby has it', async () => {
        const { rowCount } = await pair.onStandby(`SELECT FROM ledger.universal_registry WHERE id = '${id}'`);
        return rowCount === 1;
      });
      const first = await get('/api/timeline?order=asc&limit=2');
      const row = { entity_type: 'note', who: 'alice', this: 'late', at: '2099-01-01T00:00:00.000Z' };
      await late.query('SELECT ledger.append_spans($1, $2, $3)', [
        'alice',
        'acme',
        JSON.stringify([
          {
            ...row,
            id: 'ffffffff-ffff-4fff-8fff-ffffffffffff',
            seq: 0,
            owner_id: 'alice',
            tenant_id: 'acme',
            visibility: 'private',
            is_deleted: false,
            curr_hash: 'a'.repeat(64),
            signature: 'b'.repeat(128),
            public_key: 'c'.repeat(64),
          },
        ]),
      ]);
      await late.query('COMMIT');
      await until(
        'the standby has the late one',
        async () =>
          (await pair.onStandby(`SELECT FROM ledger.universal_registry WHERE this = 'late'`)).rowCount === 1,
      );
      const rest = await names(`/api/timeline?order=asc&limit=1000&cursor=${first.body.next_cursor}`);
      assert.ok(rest.includes('ready'));
      assert.ok(!rest.includes('late') && !rest.includes('meanwhile'), rest.slice(-3).join());
    });
    assert.ok((await names('/api/timeline?limit=2')).includes('late'));
  });

  it('holds the feed back for a transaction that is open on the writer, and never skips it', async () => {
    const { position } = await post('before the open one');
    const begun = await get('/api/timeline?order=feed&limit=1000', position);
    const after = `/api/timeline?order=feed&limit=1000&cursor=${begun.body.next_cursor}`;
    await withClient(pair.primaryUrl, async (late) => {
      await late.query('BEGIN');
      await late.query('SELECT pg_current_xact_id()');
      const { id } = await post('committed meanwhile');
      await until('the standby has it', async () => {
        const { rowCount } = await pair.onStandby(`SELECT FROM ledger.universal_registry WHERE id = '${id}'`);
        return rowCount === 1;
      });
      assert.deepEqual(await names(after), []);
      await late.query('COMMIT');
    });
    await until('it is shown', async () => {
      const found = await names(after);
      return found.length > 0 && found.includes('committed meanwhile');
    });
  });

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

  const newestTransaction = async (): Promise<bigint> =>
    withClient(pair.primaryUrl, async (client) => {
      const { rows } = await client.query('SELECT pg_current_xact_id()::text AS id');
      return BigInt(rows[0].id);
    });
  /** Whether a reader, not the writer, serves a caller that has seen a transaction. */
  const answersFor = (other: Reader, seen: bigint): Promise<boolean> =>
    other.run(stage0.pool, seen, async (_database, isReplica) => isReplica);
  const follows = async (other: Reader): Promise<void> => {
    const seen = await newestTransaction();
    await until('the standby has it', () => answersFor(other, seen));
  };

  /** Result of a read, the server it ran on, and the number of attempts. */
  const slowRead = async (other: Reader, seconds: number) => {
    let runs = 0;
    const isReplica = await other.run(stage0.pool, undefined, async (database, replica) => {
      runs += 1;
      if (replica)
        await queryAs(database, NOBODY, { text: 'SELECT pg_sleep($1)', values: [seconds] }, 'read');
      return replica;
    });
    return { isReplica, runs };
  };

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
    const onPrimary = (sql: string) =>
      withClient(pair.primary.superuserUrl('logline'), (client) => client.query(sql));
    const busy = openReader({ connectionString: pair.standbyUrl }, { restMs: 60_000 });
    try {
      await pair.onStandby("ALTER SYSTEM SET max_standby_streaming_delay = '10ms'");
      await pair.onStandby('SELECT pg_reload_conf()');
      await onPrimary('CREATE TABLE public.in_the_way (); GRANT SELECT ON public.in_the_way TO logline_app');
      await until('the standby has it', async () => {
        const { rows } = await pair.onStandby("SELECT to_regclass('public.in_the_way') AS found");
        return rows[0]?.found !== null;
      });
      const text = 'SELECT count(*) FROM public.in_the_way, pg_sleep(0) UNION ALL SELECT 1 FROM pg_sleep(30)';
      let runs = 0;
      const hindered = busy.run(stage0.pool, undefined, async (database, isReplica) => {
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
      await onPrimary('DROP TABLE public.in_the_way');
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

  it('that is down causes no errors', async () => {
    await pair.standby.stop();
    const { id, position } = await post('after the end');
    for (const atLeast of [undefined, position])
      assert.equal((await get(`/api/spans/${id}`, atLeast)).status, 200);
    assert.equal((await names('/api/timeline?order=feed&limit=1000')).at(-1), 'after the end');
  });
});

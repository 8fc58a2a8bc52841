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

  it('that is down causes no errors', async () => {
    await pair.standby.stop();
    const { id, position } = await post('after the end');
    for (const atLeast of [undefined, position])
      assert.equal((await get(`/api/spans/${id}`, atLeast)).status, 200);
    assert.equal((await names('/api/timeline?order=feed&limit=1000')).at(-1), 'after the end');
  });
});

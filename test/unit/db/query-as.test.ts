import assert from 'node:assert/strict';
import { LogLineError } from '../../../runtime/base/errors';
import { Database } from '../../../runtime/db/pool';
import { queryAs } from '../../../runtime/db/query-as';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';
import { startWireMeter, type WireMeter } from '../../support/wire-meter';

const ALICE = { user: 'alice', tenant: 'acme' };
const WHO = { text: 'SELECT ledger.session_user_id() AS u, ledger.session_tenant_id() AS t', values: [] };
const KEEP = `INSERT INTO app.idempotency_key (tenant_id, key, fingerprint, span_ids, span_seqs) VALUES ('acme', $1, 'f', '{}', '{}')`;

describe('one statement under an identity', () => {
  let database: TestDatabase;
  let meter: WireMeter;
  let pool: Database;
  before(async () => {
    database = await createTestDatabase();
    meter = await startWireMeter(Number(new URL(database.appUrl).port));
    const url = new URL(database.appUrl);
    url.port = String(meter.port);
    // One connection, so that leftovers of a statement would affect the next.
    pool = new Database({ connectionString: url.href, poolSize: 1 });
  });
  after(async () => {
    await pool.close();
    await meter.close();
    await database.drop();
  });

  const keys = async (): Promise<string[]> => {
    const text = 'SELECT key FROM app.idempotency_key ORDER BY key';
    const { rows } = await queryAs<{ key: string }>(pool, ALICE, { text, values: [] }, 'read');
    return rows.map(({ key }) => key);
  };

  it('takes one round trip, including identity and end of the transaction', async () => {
    await queryAs(pool, ALICE, WHO);
    meter.take();
    const { rows } = await queryAs(pool, ALICE, WHO);
    assert.deepEqual(rows, [{ u: 'alice', t: 'acme' }]);
    assert.equal(meter.take(), 1);
  });

  it('leaves no identity on the connection, after success and failure', async () => {
    await queryAs(pool, ALICE, WHO);
    await assert.rejects(queryAs(pool, ALICE, { text: 'SELECT 1 / $1::int', values: [0] }), LogLineError);
    const { rows } = await pool.pool.query(WHO.text);
    assert.deepEqual(rows, [{ u: null, t: null }]);
  });

  it('is a transaction: a failure rolls back its writes', async () => {
    await queryAs(pool, ALICE, { text: KEEP, values: ['kept'] });
    const half = `WITH wrote AS (${KEEP} RETURNING 1) SELECT 1 / (count(*) - 1) FROM wrote`;
    await assert.rejects(queryAs(pool, ALICE, { text: half, values: ['lost'] }), LogLineError);
    assert.deepEqual(await keys(), ['kept']);
  });

  it('that is read-only cannot write, and only that one', async () => {
    const attempt = queryAs(pool, ALICE, { text: KEEP, values: ['read-only'] }, 'read');
    await assert.rejects(attempt, LogLineError);
    await queryAs(pool, ALICE, { text: KEEP, values: ['after'] });
    assert.deepEqual(await keys(), ['after', 'kept']);
  });

  it('with a name keeps its plan and its values apart', async () => {
    const add = (a: number, b: number) =>
      queryAs<{ sum: number }>(pool, ALICE, {
        name: 'add',
        text: 'SELECT $1::int + $2::int AS sum',
        values: [a, b],
      });
    assert.deepEqual((await add(1, 2)).rows, [{ sum: 3 }]);
    assert.deepEqual((await add(40, 2)).rows, [{ sum: 42 }]);
    const { rows } = await pool.pool.query(
      `SELECT count(*)::int AS n FROM pg_prepared_statements WHERE name = 'add'`,
    );
    assert.deepEqual(rows, [{ n: 1 }]);
  });

  it('with a name that failed to parse can be sent again', async () => {
    const missing = { name: 'later', text: 'SELECT * FROM app.not_yet_there', values: [] };
    await assert.rejects(queryAs(pool, ALICE, missing), LogLineError);
    await assert.rejects(queryAs(pool, ALICE, missing), LogLineError);
    assert.deepEqual((await queryAs(pool, ALICE, WHO)).rows, [{ u: 'alice', t: 'acme' }]);
  });

  it('with an invalid value is refused, and the connection stays usable', async () => {
    const circular: { self?: object } = {};
    circular.self = circular;
    await assert.rejects(queryAs(pool, ALICE, { text: 'SELECT $1::jsonb', values: [circular] }), TypeError);
    const bob = { user: 'bob', tenant: 'acme' };
    assert.deepEqual((await queryAs(pool, bob, WHO)).rows, [{ u: 'bob', t: 'acme' }]);
  });

  it('that pg refuses to send loses its connection, so that no other statement gets its answer', async () => {
    const first = { name: 'one_text', text: 'SELECT 1 AS one', values: [] };
    await queryAs(pool, ALICE, first);
    const other = queryAs(pool, ALICE, { ...first, text: 'SELECT 2 AS two' });
    const next = queryAs<{ u: string }>(pool, { user: 'bob', tenant: 'acme' }, WHO);
    await assert.rejects(other);
    assert.deepEqual((await next).rows, [{ u: 'bob', t: 'acme' }]);
  });

  it('answers many callers on one connection each with its own', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `user-${index}`);
    const answers = await Promise.all(
      names.map((user) => queryAs<{ u: string }>(pool, { user, tenant: 'acme' }, WHO)),
    );
    assert.deepEqual(
      answers.map(({ rows }) => rows[0]?.u),
      names,
    );
  });

  it('works with names of any signs, and refuses half an identity before it is sent', async () => {
    for (const name of [`o'neil`, `\\'; ROLLBACK; --`, '"', '$1', '😀', `E'\\x'`]) {
      const { rows } = await queryAs(pool, { user: name, tenant: name }, WHO);
      assert.deepEqual(rows, [{ u: name, t: name }]);
    }
    meter.take();
    await assert.rejects(queryAs(pool, { user: 'alice', tenant: '' }, WHO), /User and tenant/);
    assert.equal(meter.take(), 0);
  });

  it('on a connection that is lost is a 503, and the next one gets a new connection', async () => {
    const { rows } = await queryAs<{ pid: number }>(pool, ALICE, {
      text: 'SELECT pg_backend_pid() AS pid',
      values: [],
    });
    const killed = queryAs(pool, ALICE, {
      text: 'SELECT pg_terminate_backend(pg_backend_pid())',
      values: [],
    });
    await assert.rejects(killed, (error) => error instanceof LogLineError && error.status === 503);
    const again = await queryAs<{ pid: number }>(pool, ALICE, {
      text: 'SELECT pg_backend_pid() AS pid',
      values: [],
    });
    assert.notEqual(again.rows[0]?.pid, rows[0]?.pid);
  });
});

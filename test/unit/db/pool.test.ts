import assert from 'node:assert/strict';
import { asRole } from '../../../runtime/db/database-options';
import { clientConfig, Database } from '../../../runtime/db/pool';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';

describe('database options', () => {
  it('limit waits on every connection, also without configuration', () => {
    const config = clientConfig({ host: 'db', database: 'logline' });
    for (const bound of ['connectionTimeoutMillis', 'query_timeout'] as const) {
      assert.ok(Number(config[bound]) > 0, bound);
    }
    const asked = clientConfig({ statementTimeoutMs: 700 });
    assert.ok(Number(asked.query_timeout) > Number(asked.statement_timeout), 'the server speaks first');
    assert.equal(clientConfig({ statementTimeoutMs: 0 }).query_timeout, 0);
  });

  it('verify the server’s certificate whenever TLS is on', () => {
    for (const tls of ['rds', 'system', { ca: 'pem' }] as const) {
      const { ssl } = clientConfig({ tls });
      assert.ok(typeof ssl === 'object' && ssl.rejectUnauthorized === true, JSON.stringify(tls));
    }
    const { ssl } = clientConfig({ tls: 'rds' });
    assert.ok(typeof ssl === 'object' && Array.isArray(ssl.ca) && ssl.ca.length > 1);
    assert.equal(clientConfig({}).ssl, undefined);
  });

  it('for another role keep the rest, whatever signs the password holds', () => {
    const url = 'postgres://owner:secret@db:5433/logline?application_name=x';
    const { connectionString = '' } = asRole(
      { connectionString: url, poolSize: 3 },
      'logline_app',
      'p@ss/w:rd?#%',
    );
    const parsed = new URL(connectionString);
    assert.deepEqual(
      [parsed.username, decodeURIComponent(parsed.password), parsed.host, parsed.pathname, parsed.search],
      ['logline_app', 'p@ss/w:rd?#%', 'db:5433', '/logline', '?application_name=x'],
    );
    assert.deepEqual(asRole({ host: 'db' }, 'a', 'b'), { host: 'db', user: 'a', password: 'b' });
  });
});

describe('pool', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  it('gives every session UTC and the timeouts of its role, without asking for them', async () => {
    for (const [role, statement] of [
      ['app', '15s'],
      ['kernel', '15s'],
      ['guest', '2s'],
    ] as const) {
      const pool = new Database({ connectionString: database.urls[role], poolSize: 1 });
      const { rows } = await pool.pool.query(`
        SELECT current_setting('timezone') AS zone, current_setting('statement_timeout') AS statement,
               current_setting('lock_timeout') AS lock, current_setting('jit') AS jit,
               current_setting('idle_in_transaction_session_timeout') <> '0' AS is_idle_bounded`);
      assert.deepEqual(rows, [{ zone: 'UTC', statement, lock: '5s', jit: 'off', is_idle_bounded: true }]);
      await pool.close();
    }
  });

  it('gives every session UTC and the timeouts that were asked for', async () => {
    const pool = new Database({
      connectionString: database.appUrl,
      poolSize: 1,
      statementTimeoutMs: 1_234,
      lockTimeoutMs: 567,
    });
    try {
      const { rows } = await pool.pool.query(`
        SELECT current_setting('timezone') AS zone, current_setting('statement_timeout') AS statement,
               current_setting('lock_timeout') AS lock, current_user AS role, current_setting('is_superuser') AS superuser`);
      assert.deepEqual(rows, [
        { zone: 'UTC', statement: '1234ms', lock: '567ms', role: 'logline_app', superuser: 'off' },
      ]);
    } finally {
      await pool.close();
    }
  });

  it('asks a password source again when the server refuses the password, at most twice', async () => {
    const url = new URL(database.appUrl);
    const right = decodeURIComponent(url.password);
    const place = {
      host: url.hostname,
      port: Number(url.port),
      database: url.pathname.slice(1),
      user: url.username,
    };
    const open = async (passwords: readonly string[]) => {
      let refusals = 0;
      const password = {
        current: async () => passwords[refusals] ?? 'none',
        refused() {
          refusals += 1;
        },
      };
      const pool = new Database({ ...place, password, poolSize: 1 });
      try {
        const client = await pool.connect();
        await client.query('SELECT 1');
        client.release();
      } finally {
        await pool.close();
      }
    };
    await open([right]);
    await open(['old', right]);
    await open(['old', 'older', right]);
    await assert.rejects(open(['old', 'older', 'oldest', right]), { code: '28P01' });
    assert.throws(
      () => clientConfig({ connectionString: url.href, password: { current: async () => '', refused() {} } }),
      TypeError,
    );
  });
});

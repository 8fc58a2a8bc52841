import assert from 'node:assert/strict';
import { LogLineError } from '../../../runtime/base/errors';
import { Database } from '../../../runtime/db/pool';
import { withPg } from '../../../runtime/db/with-pg';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';

const ALICE = { user: 'alice', tenant: 'acme' };

describe('transaction under an identity', () => {
  let database: TestDatabase;
  let pool: Database;
  before(async () => {
    database = await createTestDatabase();
    pool = new Database({ connectionString: database.appUrl, poolSize: 2 });
  });
  after(async () => {
    await pool.close();
    await database.drop();
  });

  it('sends BEGIN, identity and the first statement without waiting for an answer in between', async () => {
    const sent: string[] = [];
    const client = await pool.connect();
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    let answered = 0;
    const watched = new Proxy(client, {
      get(target, name) {
        if (name !== 'query') return Reflect.get(target, name);
        return (...args: unknown[]) => {
          sent.push(`${String(args[0]).slice(0, 5)} after ${answered} answers`);
          return query(...args).finally(() => {
            answered += 1;
          });
        };
      },
    });
    const single = { connect: async () => watched } as unknown as Database;
    await withPg(single, ALICE, ({ client: own }) => own.query('SELECT 1'), { readOnly: true });
    assert.deepEqual(sent, ['BEGIN after 0 answers', 'SELEC after 0 answers', 'COMMI after 2 answers']);
  });

  it('keeps nothing of a transaction that throws, whatever it throws', async () => {
    const failures: readonly unknown[] = [new Error('mine'), 'text', undefined];
    for (const failure of failures) {
      const attempt = withPg(pool, ALICE, async ({ client }) => {
        await client.query(
          `INSERT INTO app.idempotency_key (tenant_id, key, fingerprint, span_ids, span_seqs) VALUES ('acme', 'k', 'f', '{}', '{}')`,
        );
        throw failure;
      });
      await assert.rejects(attempt, (error) => error === failure);
    }
    const { rowCount } = await withPg(pool, ALICE, ({ client }) =>
      client.query('SELECT FROM app.idempotency_key'),
    );
    assert.equal(rowCount, 0);
  });

  it('that is read-only cannot write', async () => {
    const attempt = withPg(pool, ALICE, ({ client }) => client.query('CREATE TEMP TABLE t (a int)'), {
      readOnly: true,
    });
    await assert.rejects(attempt, LogLineError);
  });

  it('with a snapshot sees one moment in all its statements', async () => {
    const count = `SELECT count(*)::int AS n FROM app.idempotency_key`;
    await withPg(
      pool,
      ALICE,
      async ({ client }) => {
        const before = (await client.query(count)).rows[0].n;
        await withPg(pool, ALICE, (other) =>
          other.client.query(
            `INSERT INTO app.idempotency_key (tenant_id, key, fingerprint, span_ids, span_seqs) VALUES ('acme', 'later', 'f', '{}', '{}')`,
          ),
        );
        assert.equal((await client.query(count)).rows[0].n, before);
      },
      { readOnly: true, snapshot: true },
    );
  });

  it('bounds its statements when asked to, for itself only', async () => {
    const sleep = withPg(pool, ALICE, ({ client }) => client.query('SELECT pg_sleep(10)'), {
      statementTimeoutMs: 30,
    });
    await assert.rejects(sleep, (error) => error instanceof LogLineError && error.status === 503);
    for (let look = 0; look < 3; look += 1) {
      const { rows } = await withPg(pool, ALICE, ({ client }) =>
        client.query(`SELECT current_setting('statement_timeout') AS t`),
      );
      assert.deepEqual(rows, [{ t: '15s' }]);
    }
  });

  it('works with names of any signs', async () => {
    for (const name of [`o'neil`, `\\'; ROLLBACK; --`, '"', '$1', '😀', `E'\\x'`]) {
      const { rows } = await withPg(pool, { user: name, tenant: name }, ({ client }) =>
        client.query('SELECT ledger.session_user_id() AS u, ledger.session_tenant_id() AS t'),
      );
      assert.deepEqual(rows, [{ u: name, t: name }]);
    }
  });
});

import assert from 'node:assert/strict';
import { NOBODY } from '../../runtime/base/identity';
import { type Transaction, withPg } from '../../runtime/db/with-pg';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

const TENANTS = ['acme', 'globex'];
const REQUESTS = 2_100;
const CALLERS = 24;

describe('one small pool shared by two tenants under load', function () {
  this.timeout(60_000);
  let stage0: TestStage0;
  before(async () => {
    stage0 = await createTestStage0({ poolSize: 2 });
  });
  after(() => stage0.close());

  it('identity never crosses in thousands of interleaved requests, failing ones among them', async () => {
    const tokens = await Promise.all(TENANTS.map((tenant) => stage0.token('alice', tenant)));
    const ids: string[][] = TENANTS.map(() => []);
    const written = TENANTS.map(() => 0);
    let next = 0;

    const one = async (n: number): Promise<void> => {
      const mine = n % 2;
      const token = tokens[mine];
      const tenant = TENANTS[mine];
      assert.ok(token && tenant);
      const foreignId = ids[1 - mine]?.at(-1);
      switch (n % 7) {
        case 0:
        case 1:
        case 2: {
          const body = {
            entity_type: 'load',
            who: tenant,
            this: String(n),
            visibility: n % 3 === 0 ? 'tenant' : 'private',
          };
          const answer = await stage0.call('/api/spans', { token, body });
          assert.equal(answer.status, 201, JSON.stringify(answer.body));
          assert.equal(answer.body.span.tenant_id, tenant);
          ids[mine]?.push(answer.body.span.id);
          written[mine] = (written[mine] ?? 0) + 1;
          return;
        }
        case 3: {
          const order = ['desc', 'asc', 'feed'][n % 3];
          const answer = await stage0.call(`/api/timeline?limit=20&order=${order}`, { token });
          assert.equal(answer.status, 200);
          for (const span of answer.body.spans) assert.equal(span.tenant_id, tenant);
          return;
        }
        case 4: {
          if (foreignId === undefined) return;
          assert.equal((await stage0.call(`/api/spans/${foreignId}`, { token })).status, 404);
          return;
        }
        case 5: {
          if (foreignId === undefined) return;
          const body = { id: foreignId, seq: 1, entity_type: 'load', who: tenant, this: 'theft' };
          assert.equal((await stage0.call('/api/spans', { token, body })).status, 409);
          return;
        }
        default: {
          const answer = await stage0.call('/api/timeline?entity_type=load');
          assert.deepEqual(answer.body.spans, [], 'nobody sees nothing of either');
        }
      }
    };
    const caller = async (): Promise<void> => {
      while (next < REQUESTS) {
        next += 1;
        await one(next);
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));

    for (const [index, token] of tokens.entries()) {
      const counted = new Set<string>();
      let cursor = '';
      for (;;) {
        const page = await stage0.call(`/api/timeline?entity_type=load&limit=1000${cursor}`, { token });
        for (const span of page.body.spans) {
          assert.equal(span.tenant_id, TENANTS[index]);
          counted.add(span.id);
        }
        if (!page.body.has_more) break;
        cursor = `&cursor=${page.body.next_cursor}`;
      }
      assert.equal(counted.size, written[index]);
    }
  });

  it('a connection returns to the pool without an identity, also after a failed transaction', async () => {
    const alice = { user: 'alice', tenant: 'acme' };
    const failures: readonly (readonly [(transaction: Transaction) => Promise<unknown>, number?])[] = [
      [() => Promise.reject(new Error('by the caller'))],
      [({ client }) => client.query('SELECT 1 / 0')],
      [({ client }) => client.query('no sql')],
      [({ client }) => client.query('SELECT pg_sleep(5)'), 50],
    ];
    for (const [work, statementTimeoutMs = 5_000] of failures) {
      await assert.rejects(withPg(stage0.pool, alice, work, { statementTimeoutMs }));
    }
    for (let look = 0; look < 10; look += 1) {
      const client = await stage0.pool.connect();
      try {
        const { rows } =
          await client.query(`SELECT current_setting('app.user_id', true) AS who, current_setting('app.tenant_id', true) AS tenant,
          (SELECT count(*)::int FROM ledger.universal_registry WHERE entity_type = 'load') AS seen`);
        // After a transaction-local setting PostgreSQL leaves an empty string, never the value.
        assert.ok(
          [null, ''].includes(rows[0].who) && [null, ''].includes(rows[0].tenant),
          JSON.stringify(rows),
        );
        assert.equal(rows[0].seen, 0);
      } finally {
        client.release();
      }
    }
    const { rows } = await withPg(stage0.pool, NOBODY, ({ client }) =>
      client.query('SELECT ledger.session_audiences() AS a'),
    );
    assert.deepEqual(rows, [{ a: ['public'] }]);
  });
});

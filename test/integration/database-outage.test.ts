import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { UnavailableError } from '../../runtime/base/errors';
import { withPg } from '../../runtime/db/with-pg';
import { assertProblem } from '../support/problem';
import { withClient } from '../support/sql-session';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { until } from '../support/until';

const good = { entity_type: 'note', who: 'alice', this: 'hello' };
const ALICE = { user: 'alice', tenant: 'acme' };

describe('database outage', () => {
  let stage0: TestStage0;
  let proxy: TcpProxy;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0({
      reach: async (appUrl) => {
        const url = new URL(appUrl);
        proxy = await startTcpProxy(Number(url.port));
        url.port = String(proxy.port);
        return {
          connectionString: url.href,
          poolSize: 4,
          connectTimeoutMs: 500,
          statementTimeoutMs: 500,
          answerTimeoutMs: 800,
        };
      },
    });
    token = await stage0.token('alice', 'acme');
  });
  after(async () => {
    await proxy.close();
    await stage0.close();
  });

  /** Asserts 503 with Retry-After on every route that needs the database, and an answer on the one that does not. */
  async function assertUnavailable(): Promise<void> {
    const answers = [
      await stage0.call('/api/health'),
      await stage0.call('/api/spans', { token, body: good }),
      await stage0.call('/api/timeline', { token }),
      await stage0.call('/api/timeline'),
      await stage0.call(`/api/spans/${randomUUID()}`),
      await stage0.call('/api/manifest/kernel_manifest'),
    ];
    for (const answer of answers) assertProblem(answer, 503);
    assert.equal((await stage0.call('/openapi.json')).status, 200);
  }

  async function assertWorking(): Promise<void> {
    await until(
      'the database is reached again',
      async () => (await stage0.call('/api/health')).status === 200,
    );
    const posted = await stage0.call('/api/spans', { token, body: good });
    assert.equal(posted.status, 201, JSON.stringify(posted.body));
    const read = await stage0.call(`/api/spans/${posted.body.span.id}`, { token });
    assert.deepEqual(read.body.span, posted.body.span);
  }

  it('at the start: 503 until it is up, then everything works without a restart', async () => {
    await proxy.refuse();
    await assertUnavailable();
    await proxy.accept();
    await assertWorking();
  });

  it('while it runs: 503, then it recovers by itself, again and again', async () => {
    for (let round = 0; round < 3; round += 1) {
      await assertWorking();
      await proxy.refuse();
      await assertUnavailable();
      await proxy.accept();
    }
    await assertWorking();
  });

  it('that drops packets: callers get 503 instead of waiting for ever', async () => {
    await assertWorking();
    proxy.freeze();
    assertProblem(await stage0.call('/api/spans', { token, body: good }), 503);
    assertProblem(await stage0.call('/api/timeline', { token }), 503);
    assertProblem(await stage0.call('/api/health'), 503);
    await proxy.accept();
    await assertWorking();
  });

  it('under load: acknowledged spans are stored, and a retry of the rest stores each span once', async () => {
    const spans = Array.from({ length: 120 }, (_, index) => ({
      ...good,
      id: randomUUID(),
      this: String(index),
    }));
    const acknowledged = new Map<string, string>();
    const outcomes = new Map<number, number>();
    const post = async (span: (typeof spans)[number]): Promise<boolean> => {
      const answer = await stage0.call('/api/spans', { token, body: span });
      outcomes.set(answer.status, (outcomes.get(answer.status) ?? 0) + 1);
      if (answer.status === 503) return false;
      assert.ok([200, 201].includes(answer.status), JSON.stringify(answer.body));
      acknowledged.set(span.id, answer.body.span.curr_hash);
      return true;
    };
    const sendUntilStored = async (span: (typeof spans)[number]): Promise<void> => {
      await until('the span is stored', () => post(span));
    };
    const sending = Promise.all(spans.map(sendUntilStored));
    for (let outage = 0; outage < 3; outage += 1) {
      await until('some more were acknowledged', () => acknowledged.size > outage * 20);
      await proxy.refuse();
      await proxy.accept();
    }
    await sending;
    await assertWorking();
    for (const span of spans) {
      const { body } = await stage0.call(`/api/spans/${span.id}`, { token });
      assert.equal(body.versions.length, 1);
      assert.equal(body.span.curr_hash, acknowledged.get(span.id));
    }
  });

  const endSessions = () =>
    withClient(stage0.database.superuserUrl, (superuser) =>
      superuser.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'logline_app'`,
      ),
    );

  it('during a statement: its caller gets 503, other callers are served', async () => {
    await assertWorking();
    const running = assert.rejects(
      withPg(stage0.pool, ALICE, ({ client }) => client.query('SELECT pg_sleep(20)'), {
        statementTimeoutMs: 20_000,
      }),
      UnavailableError,
    );
    await until('the statement runs', () =>
      withClient(stage0.database.superuserUrl, async (superuser) => {
        const { rowCount } = await superuser.query(
          `SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'`,
        );
        return rowCount === 1;
      }),
    );
    await endSessions();
    await running;
    await assertWorking();
  });

  it('between two statements of a transaction: it is rolled back and the process keeps running', async () => {
    const lost = withPg(stage0.pool, ALICE, async ({ client }) => {
      await client.query('SELECT 1');
      await endSessions();
      await until('the connection has noticed', async () => {
        await client.query('SELECT 1');
        return false;
      });
    });
    await assert.rejects(lost, UnavailableError);
    await assertWorking();
  });

  it('of idle connections goes unnoticed', async () => {
    await assertWorking();
    await endSessions();
    await assertWorking();
  });

  it('because a limit of the server is reached is a 503, too', async () => {
    await withClient(stage0.database.superuserUrl, async (superuser) => {
      // Roles belong to the server, so other tests see the limit, too.
      const { rows } = await superuser.query<{ rolconnlimit: number }>(
        `SELECT rolconnlimit FROM pg_roles WHERE rolname = 'logline_app'`,
      );
      await superuser.query('ALTER ROLE logline_app CONNECTION LIMIT 0');
      await endSessions();
      try {
        for (let attempt = 0; attempt < 3; attempt += 1) {
          assertProblem(await stage0.call('/api/timeline', { token }), 503);
        }
      } finally {
        await superuser.query(`ALTER ROLE logline_app CONNECTION LIMIT ${rows[0]?.rolconnlimit ?? -1}`);
      }
    });
    await assertWorking();
  });
});

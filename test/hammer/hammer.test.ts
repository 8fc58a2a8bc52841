import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { withClient } from '../support/sql-session';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { type Answer, createTestStage0, type TestStage0 } from '../support/test-stage0';
import { until } from '../support/until';

/** Seconds of trouble; `npm run hammer` asks for minutes. */
const SECONDS = Number(process.env.LOGLINE_HAMMER_SECONDS ?? 4);
const CLIENTS = 12;

/** One request, and what became of it. The ids are the client's, so a request can be sent again. */
interface Sent {
  readonly spans: readonly { readonly id: string; readonly seq: number; readonly this: string }[];
  readonly idempotencyKey: string | undefined;
  /** undefined: nobody knows. */
  status: number | undefined;
}

describe('under hammering', function () {
  this.timeout(SECONDS * 1_000 + 120_000);
  let stage0: TestStage0;
  let proxy: TcpProxy;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0({
      async reach(appUrl) {
        const url = new URL(appUrl);
        proxy = await startTcpProxy(Number(url.port));
        url.port = String(proxy.port);
        return { connectionString: url.href, connectTimeoutMs: 1_000, answerTimeoutMs: 2_000 };
      },
    });
    token = await stage0.token('alice', 'acme');
  });
  after(async () => {
    await stage0.close();
    await proxy.close();
  });

  const spanOf = (id: string, seq: number) => ({
    id,
    seq,
    entity_type: 'note',
    who: 'alice',
    this: `${id}/${seq}`,
  });

  async function post(sent: Sent): Promise<Answer | undefined> {
    const headers: Record<string, string> =
      sent.idempotencyKey === undefined ? {} : { 'idempotency-key': sent.idempotencyKey };
    return stage0.call('/api/spans', { token, body: sent.spans, headers });
  }

  /** Singles, batches, next versions, keyed requests and ones that must be refused, one after the other. */
  async function client(until: number, log: Sent[]): Promise<void> {
    let newest: { id: string; seq: number } | undefined;
    for (let turn = 0; Date.now() < until; turn += 1) {
      const id = randomUUID();
      const kinds = [
        [spanOf(id, 0)],
        Array.from({ length: 50 }, () => spanOf(randomUUID(), 0)),
        newest === undefined ? [spanOf(id, 0)] : [spanOf(newest.id, newest.seq + 1)],
        [spanOf(randomUUID(), 0), spanOf(randomUUID(), 7)],
      ];
      const spans = kinds[turn % kinds.length] ?? [];
      const sent: Sent = {
        spans,
        idempotencyKey: turn % 5 === 4 ? randomUUID() : undefined,
        status: undefined,
      };
      log.push(sent);
      const answer = await post(sent);
      // 503 may come before the commit or after it.
      sent.status = answer?.status === 503 ? undefined : answer?.status;
      const [first] = spans;
      if (answer?.status === 201 && spans.length === 1 && first !== undefined) newest = first;
    }
  }

  /** Cuts, freezes and ends connections, each for an instant. */
  async function trouble(until: number): Promise<void> {
    for (let turn = 0; Date.now() < until; turn += 1) {
      if (turn % 3 === 0) {
        await proxy.refuse();
        await new Promise((resolve) => setTimeout(resolve, 50));
      } else if (turn % 3 === 1) {
        proxy.freeze();
        await new Promise((resolve) => setTimeout(resolve, 100));
      } else {
        await withClient(stage0.database.superuserUrl, (superuser) =>
          superuser.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
          ),
        );
      }
      await proxy.accept();
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async function readFeed(isOver: () => boolean, seen: string[]): Promise<void> {
    let cursor: string | undefined;
    for (let last = false; ; ) {
      const query = new URLSearchParams({
        order: 'feed',
        limit: '200',
        ...(cursor === undefined ? {} : { cursor }),
      });
      const answer = await stage0.call(`/api/timeline?${query}`, { token });
      if (answer.status !== 200) {
        assert.equal(answer.status, 503, JSON.stringify(answer.body));
        continue;
      }
      seen.push(...answer.body.spans.map((span: { id: string; seq: number }) => `${span.id}/${span.seq}`));
      cursor = answer.body.next_cursor ?? cursor;
      if (answer.body.has_more) continue;
      if (last) return;
      last = isOver();
    }
  }

  it('every 2xx is there once with its content, no 4xx is, the unknown are settled by repeating, and a reader saw all', async () => {
    const log: Sent[] = [];
    const seen: string[] = [];
    let isOver = false;
    const reader = readFeed(() => isOver, seen);
    const end = Date.now() + SECONDS * 1_000;
    await Promise.all([trouble(end), ...Array.from({ length: CLIENTS }, () => client(end, log))]);
    await proxy.accept();
    const unknown = log.filter(({ status }) => status === undefined);
    for (const sent of unknown) {
      sent.status = await until('a repeat is answered', async () => {
        const answer = await post(sent);
        return answer?.status === 503 ? undefined : answer?.status;
      });
    }
    isOver = true;
    await reader;

    const taken = log.filter(({ status }) => status === 201 || status === 200).flatMap(({ spans }) => spans);
    const refused = log.filter(({ status }) => status !== 201 && status !== 200);
    assert.ok(taken.length > 100 && refused.length > 0, `${taken.length} taken, ${refused.length} refused`);
    for (const { status, spans } of refused)
      assert.equal(status, 409, `status ${status} of ${JSON.stringify(spans).slice(0, 200)}`);
    const rows = await withClient(stage0.database.superuserUrl, (superuser) =>
      superuser.query<{ key: string; this: string }>(
        `SELECT id || '/' || seq AS key, this FROM ledger.universal_registry ORDER BY tx_id, ordinal`,
      ),
    );
    const stored = rows.rows.map(({ key }) => key);
    assert.ok(rows.rows.every(({ key, this: text }) => key === text));
    assert.deepEqual([...stored].sort(), [...new Set(taken.map(({ id, seq }) => `${id}/${seq}`))].sort());
    assert.deepEqual(seen, stored, 'the reader saw every span once, in the order of the feed');
  });
});

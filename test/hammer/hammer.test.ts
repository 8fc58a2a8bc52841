import assert from 'node:assert/strict';
import { withClient } from '../support/sql-session';
import { DISTURBANCES, startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import {
  assertKept,
  followFeed,
  type Post,
  postWhile,
  type ReadPage,
  type Sent,
  type StoredSpan,
  settle,
} from './posting';

/** Seconds of disturbances; minutes in `npm run hammer`. */
const SECONDS = Number(process.env.LOGLINE_HAMMER_SECONDS ?? 4);
const CLIENTS = 12;

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

  const post: Post = async ({ spans, idempotencyKey }) => {
    const headers: Record<string, string> =
      idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
    const { status } = await stage0.call('/api/spans', { token, body: spans, headers });
    // A 503 may come before or after the commit.
    return status === 503 ? undefined : status;
  };

  const read: ReadPage = async (query) => {
    const { status, body } = await stage0.call(`/api/timeline?${query}`, { token });
    if (status === 200) return body;
    assert.equal(status, 503, JSON.stringify(body));
    return undefined;
  };

  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const troubles: readonly (() => Promise<unknown>)[] = [
    async () => {
      await proxy.refuse();
      await pause(50);
    },
    async () => {
      proxy.freeze();
      await pause(100);
    },
    () =>
      withClient(stage0.database.superuserUrl, (superuser) =>
        superuser.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
        ),
      ),
    ...DISTURBANCES.map((kind) => async () => {
      proxy.disturb(kind);
      await pause(100);
    }),
  ];

  /** Cuts, freezes, disturbs and closes connections, each for a short time. */
  async function trouble(until: number): Promise<void> {
    for (let turn = 0; Date.now() < until; turn += 1) {
      await troubles[turn % troubles.length]?.();
      await proxy.accept();
      await pause(200);
    }
  }

  it('every 2xx is stored once with its content, no 4xx is, retries settle unknown ones, and a reader saw all', async () => {
    const log: Sent[] = [];
    let isOver = false;
    const following = followFeed(read, () => isOver);
    const end = Date.now() + SECONDS * 1_000;
    await Promise.all([
      trouble(end),
      ...Array.from({ length: CLIENTS }, () => postWhile(() => Date.now() < end, post, log)),
    ]);
    await proxy.accept();
    await settle(log, post);
    isOver = true;
    const seen = await following;
    const { rows } = await withClient(stage0.database.superuserUrl, (superuser) =>
      superuser.query<StoredSpan>(
        `SELECT id || '/' || seq AS key, this FROM ledger.universal_registry ORDER BY tx_id, ordinal`,
      ),
    );
    assertKept(log, rows, seen);
  });
});

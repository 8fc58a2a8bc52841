import assert from 'node:assert/strict';
import type { JsonValue } from '../../runtime/base/span';
import type { Database } from '../../runtime/db/pool';
import type { Reader } from '../../runtime/db/reader';
import { openGuestDatabase, openGuestReader, UserSql, type UserSqlRun } from '../../runtime/host/user-sql';
import { type StandbyPair, startStandbyPair } from './standby';
import { startTcpProxy, type TcpProxy } from './tcp-proxy';
import type { TestDatabase } from './test-database';
import { createTestKernels, type TestKernels } from './test-kernels';
import { until } from './until';

/** Connections of guests that ran a statement of a user since a moment, by server. */
export type Seats = Readonly<Record<'writer' | 'reader', number>>;

/** A user whose runs ask. */
export const ALICE = { user: 'alice', tenant: 'acme' };
/** A run that does not end. */
export const NEVER = new AbortController().signal;

const SPANS_NAMED = 'SELECT this FROM ledger.visible_timeline WHERE this = $1';

type Closer = () => Promise<unknown>;

/** The kernels of a primary, with its standby as the reader of user SQL behind a proxy. */
export class UserSqlSuite {
  readonly pair: StandbyPair;
  /** Between the guests and the standby. */
  readonly proxy: TcpProxy;
  /** User SQL without a sandbox before it. */
  readonly userSql: UserSql;
  /** The guests' connections to the primary. */
  readonly guests: Database;
  readonly #kernels: TestKernels;
  readonly #token: string;
  readonly #closers: readonly Closer[];

  private constructor(parts: {
    pair: StandbyPair;
    proxy: TcpProxy;
    reader: Reader;
    kernels: TestKernels;
    guests: Database;
    token: string;
    closers: readonly Closer[];
  }) {
    this.pair = parts.pair;
    this.proxy = parts.proxy;
    this.guests = parts.guests;
    this.userSql = new UserSql({ writer: parts.guests, reader: parts.reader });
    this.#kernels = parts.kernels;
    this.#token = parts.token;
    this.#closers = parts.closers;
  }

  static async start(): Promise<UserSqlSuite> {
    const closers: Closer[] = [];
    const closed = <T extends { close(): Promise<unknown> }>(part: T): T => {
      closers.unshift(() => part.close());
      return part;
    };
    try {
      const pair = closed(await startStandbyPair());
      const proxy = closed(await startTcpProxy(pair.standby.port));
      const url = new URL(pair.standbyUrls.guest);
      url.port = String(proxy.port);
      const reader = closed(openGuestReader({ connectionString: url.href }, { restMs: 100 }));
      const kernels = closed(await createTestKernels({ guestReader: reader, database: databaseOf(pair) }));
      // Runs that wait for something that happens outside.
      await kernels.changeManifest({ sandbox: { wall_ms: 30_000, cpu_ms: 30_000, max_calls: 100_000 } });
      const guests = closed(openGuestDatabase({ connectionString: pair.primaryUrls.guest }));
      const token = await kernels.token(ALICE.user, ALICE.tenant);
      const suite = new UserSqlSuite({ pair, proxy, reader, kernels, guests, token, closers });
      await suite.follows();
      return suite;
    } catch (error) {
      await closeAll(closers);
      throw error;
    }
  }

  close(): Promise<void> {
    return closeAll(this.#closers);
  }

  /** End of a snapshot of the writer. */
  async xmax(): Promise<string> {
    const { rows } = await this.pair.onPrimary(
      'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xmax',
    );
    return rows[0].xmax;
  }

  /** Waits until the reader is in use and has all that there is now. */
  async follows(): Promise<void> {
    await until('user SQL goes to the reader', async () => {
      const { ran } = await this.seatsOf(async () =>
        this.select(this.userSql.ofRun(ALICE, await this.xmax()), 'nothing'),
      );
      return ran.reader === 1;
    });
  }

  /** Where the statements of users ran meanwhile: on each server, by how many connections. */
  async seatsOf<T>(work: () => Promise<T>): Promise<{ readonly found: T; readonly ran: Seats }> {
    const { onPrimary, onStandby } = this.pair;
    const now = 'SELECT clock_timestamp()::text AS now';
    const since = [(await onPrimary(now)).rows[0].now, (await onStandby(now)).rows[0].now];
    const found = await work();
    const busy = (moment: string) => `
      SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE usename = 'logline_guest' AND query_start > '${moment}' AND query ~ '^(DECLARE|FETCH|COMMIT|ROLLBACK)'`;
    const writer = (await onPrimary(busy(since[0]))).rows[0].n;
    return { found, ran: { writer, reader: (await onStandby(busy(since[1]))).rows[0].n } };
  }

  /** Waits until a statement of a user runs on the reader. */
  async runsOnReader(): Promise<void> {
    await until('it runs on the reader', async () => {
      const { rows } = await this.pair.onStandby(
        `SELECT FROM pg_stat_activity WHERE usename = 'logline_guest' AND state = 'active' AND query ~ '^FETCH'`,
      );
      return rows.length > 0;
    });
  }

  /** Spans that a run sees under a name. */
  async select(run: UserSqlRun, name: string): Promise<JsonValue[]> {
    return (await run.run({ text: SPANS_NAMED, values: [name] }, NEVER)).rows;
  }

  /** Appends a span of alice and returns its id. */
  async post(span: object): Promise<string> {
    const body = { entity_type: 'note', who: ALICE.user, ...span };
    const { status, body: answer } = await this.#kernels.call('/api/spans', { token: this.#token, body });
    assert.equal(status, 201, JSON.stringify(answer));
    return answer.span.id;
  }

  functionOf(code: string): Promise<string> {
    return this.post({ entity_type: 'function', this: 'f', name: 'f', code });
  }

  /** Runs a function and returns its result. */
  async execute(id: string, input: JsonValue = null): Promise<JsonValue> {
    const token = this.#token;
    const { status, body } = await this.#kernels.call(`/api/execute/${id}`, { token, body: { input } });
    assert.equal(status, 200, JSON.stringify(body));
    return body.result;
  }
}

function databaseOf({ primary, primaryUrl, primaryUrls }: StandbyPair): TestDatabase {
  const superuserUrl = primary.superuserUrl('logline');
  return {
    appUrl: primaryUrl,
    adminUrl: superuserUrl,
    superuserUrl,
    urls: primaryUrls,
    drop: async () => undefined,
  };
}

async function closeAll(closers: readonly Closer[]): Promise<void> {
  for (const close of closers) await close();
}

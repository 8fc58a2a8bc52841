import assert from 'node:assert/strict';
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { SignedSpan } from '../../runtime/base/span';
import { cleanUp, type LocalRun, runCommand, startLocalRun, temporaryFolder } from '../support/local-run';
import { withClient } from '../support/sql-session';
import { until } from '../support/until';
import { type ApiCalls, apiCalls } from './api-calls';
import { assertKept, followFeed, postWhile, type Sent, settle } from './posting';

/** Rounds of all jumps, in `npm run hammer`; `npm test` has the short ones alone. */
const ROUNDS = Number(process.env.LOGLINE_HAMMER_ROUNDS ?? 0);
const CLIENTS = 4;
/** Bounds the time in which a ledger with a wrong clock does its work. */
const PATIENCE_MS = 60_000;

const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;
const FAR_S = 40 * DAY_S;

/** Seconds that each clock is ahead. */
interface Offsets {
  readonly logline: number;
  readonly postgres: number;
}
const RIGHT: Offsets = { logline: 0, postgres: 0 };
const both = (seconds: number): Offsets => ({ logline: seconds, postgres: seconds });

const SHORT = [both(FAR_S), RIGHT, both(-HOUR_S), RIGHT];
const ALL = [HOUR_S, -HOUR_S, FAR_S, -FAR_S].flatMap((seconds) =>
  [{ ...RIGHT, logline: seconds }, { ...RIGHT, postgres: seconds }, both(seconds)].flatMap((offsets) => [
    offsets,
    RIGHT,
  ]),
);

/** Runs for about a second. */
const BUSY = 'function main() { let n = 0; for (let i = 0; i < 5e6; i += 1) n += i; return n; }';

/** The library that shifts PostgreSQL's clock, of the package `faketime` of Debian. */
async function findLibfaketime(): Promise<string | undefined> {
  const folders = await readdir('/usr/lib').catch(() => []);
  for (const folder of folders.filter((name) => name.endsWith('-linux-gnu'))) {
    const place = path.join('/usr/lib', folder, 'faketime');
    const files: readonly string[] = await readdir(place).catch(() => []);
    if (files.includes('libfaketime.so.1')) return path.join(place, 'libfaketime.so.1');
  }
  return undefined;
}

/** The files by which `set-clock.js` and libfaketime know the time. */
class Clocks {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async at(folder: string, offsets: Offsets): Promise<Clocks> {
    await mkdir(folder);
    const clocks = new Clocks(folder);
    await clocks.set(offsets);
    return clocks;
  }

  get env(): Readonly<Record<string, string>> {
    const preload = path.join(__dirname, 'set-clock.js');
    return { NODE_OPTIONS: `--require=${JSON.stringify(preload)}`, LOGLINE_TEST_CLOCK: this.#folder };
  }

  async set({ logline, postgres }: Offsets): Promise<void> {
    await this.#write('logline', String(logline));
    await this.#write('postgres', postgres < 0 ? String(postgres) : `+${postgres}`);
  }

  /** Readers see the old text or the new one. */
  async #write(name: string, text: string): Promise<void> {
    const draft = path.join(this.#folder, `${name}.new`);
    await writeFile(draft, text);
    await rename(draft, path.join(this.#folder, name));
  }
}

describe('a local run whose clocks jump', function () {
  this.timeout(240_000 + ROUNDS * ALL.length * 60_000);
  let data: string;
  let local: LocalRun;
  let clocks: Clocks;
  let libfaketime: string | undefined;
  let adminUrl: string;
  let token: string;
  let calls: ApiCalls;
  let env: Readonly<Record<string, string>>;
  before(async () => {
    data = await temporaryFolder();
    libfaketime = await findLibfaketime();
    clocks = await Clocks.at(path.join(path.dirname(data), 'clock'), RIGHT);
    env = { LOGLINE_DATA: data };
    const faked: Record<string, string> =
      libfaketime === undefined ? {} : { LOGLINE_TEST_FAKETIME: libfaketime };
    local = await startLocalRun(data, { env: { ...clocks.env, ...faked } });
    // Valid under every clock of this test: minted by one that is behind all others.
    const early = await Clocks.at(path.join(path.dirname(data), 'early'), both(-FAR_S - DAY_S));
    token = await mint('365d', early.env);
    calls = callsOf(token);
    adminUrl = (await runCommand(['connect', '--print', '--admin'], { env })).stdout.trim();
  });
  after(async () => {
    await local?.stop();
    await cleanUp(data);
  });

  const callsOf = (by: string): ApiCalls => apiCalls({ postTo: local.url, readFrom: local.url, token: by });

  async function mint(ttl: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
    const args = ['token', '--user', 'alice', '--tenant', 'acme', '--ttl', ttl];
    const { stdout, stderr } = await runCommand(args, { env: { ...env, ...more } });
    assert.match(stdout, /^ey\S+\n$/, stderr);
    return stdout.trim();
  }

  async function post(span: object, by = calls): Promise<{ status: number; span: SignedSpan }> {
    const answer = await until('a span is answered', () =>
      by.call(`${local.url}/api/spans`, {
        method: 'POST',
        body: JSON.stringify({ who: 'alice', this: 'x', ...span }),
      }),
    );
    return { status: answer.status, span: (answer.body as { span: SignedSpan }).span };
  }

  /** Sets the clocks and waits until both are seen to be set. */
  async function jump(offsets: Offsets): Promise<void> {
    await clocks.set(offsets);
    const isAbout = (at: string, seconds: number) =>
      Math.abs(Date.parse(at) - Date.now() - seconds * 1_000) < 600_000;
    await until('the clock of LogLine is set', async () =>
      isAbout((await post({ entity_type: 'look' })).span.at, offsets.logline),
    );
    await withClient(adminUrl, (client) =>
      until('the clock of PostgreSQL is set', async () => {
        const { rows } = await client.query('SELECT clock_timestamp()::text AS now');
        return isAbout(rows[0].now, libfaketime === undefined ? 0 : offsets.postgres);
      }),
    );
  }

  /** Requests a run and returns the id of the request. */
  async function request(functionId: string): Promise<string> {
    const answer = await until('a request is taken', () =>
      calls.call(`${local.url}/api/execute/${functionId}`, {
        method: 'POST',
        headers: { prefer: 'respond-async' },
        body: '{}',
      }),
    );
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return (answer.body as { request: SignedSpan }).request.id;
  }

  async function latest(id: string): Promise<SignedSpan | undefined> {
    const answer = await calls.call(`${local.url}/api/spans/${id}`);
    return (answer?.body as { span: SignedSpan } | undefined)?.span;
  }

  const isComplete = async (id: string): Promise<boolean> => {
    const span = await latest(id);
    assert.notEqual(span?.status, 'error', JSON.stringify(span?.error));
    return span?.status === 'complete';
  };

  async function scheduledRuns(functionId: string): Promise<readonly SignedSpan[]> {
    const query = `entity_type=request&parent_id=${functionId}&limit=1000`;
    const answer = await calls.call(`${local.url}/api/timeline?${query}`);
    const { spans = [] } = (answer?.body as { spans: readonly SignedSpan[] } | undefined) ?? {};
    return spans.filter(({ seq }) => seq === 0);
  }

  const scheduledFor = ({ metadata }: SignedSpan): string =>
    (metadata as { readonly scheduled_for: string }).scheduled_for;

  const hasRunAhead = async (functionId: string): Promise<boolean> =>
    (await scheduledRuns(functionId)).some(
      (run) => Date.parse(scheduledFor(run)) > Date.now() + (FAR_S - DAY_S) * 1_000,
    );

  it('keeps every 2xx once with its content, and everything that waits goes on after each jump', async () => {
    if (libfaketime === undefined)
      console.log('      PostgreSQL’s clock does not jump: install the package faketime');
    const log: Sent[] = [];
    let isOver = false;
    let isSettled = false;
    const following = followFeed(calls.read, () => isSettled);
    const posting = Promise.all(
      Array.from({ length: CLIENTS }, () => postWhile(() => !isOver, calls.post, log)),
    );
    const acknowledged = () => log.filter(({ status }) => status === 201).length;
    const busy = (await post({ entity_type: 'function', code: BUSY })).span.id;
    const every = (
      await post({ entity_type: 'function', code: BUSY, metadata: { schedule: 'rate(10 seconds)' } })
    ).span.id;
    const hourly = callsOf(await mint('1h'));
    assert.equal((await post({ entity_type: 'look' }, hourly)).status, 201);
    try {
      const rounds = Array.from({ length: ROUNDS }, () => ALL).flat();
      for (const offsets of [...SHORT, ...rounds]) {
        const what = `after a jump to ${JSON.stringify(offsets)}`;
        const begun = await request(busy);
        await jump(offsets);
        const before = acknowledged();
        const posted = await request(busy);
        for (const id of [begun, posted])
          await until(`a request is complete ${what}`, () => isComplete(id), PATIENCE_MS);
        await until(`the ledger appends ${what}`, () => acknowledged() > before, PATIENCE_MS);
        const isInTime = offsets.logline === 0;
        assert.equal((await post({ entity_type: 'look' }, hourly)).status, isInTime ? 201 : 401, what);
        if (libfaketime !== undefined && offsets.postgres === FAR_S)
          await until(`the schedule is looked at ${what}`, () => hasRunAhead(every), PATIENCE_MS);
      }
    } finally {
      isOver = true;
    }
    await posting;
    const known = new Set((await scheduledRuns(every)).map(({ id }) => id));
    const due = await until(
      'the schedule goes on',
      async () => (await scheduledRuns(every)).find(({ id }) => !known.has(id)),
      PATIENCE_MS,
    );
    await until('what it requested is complete', () => isComplete(due.id), PATIENCE_MS);
    const times = (await scheduledRuns(every)).map(scheduledFor);
    assert.equal(new Set(times).size, times.length, 'no due time was requested twice');

    await settle(log, calls.post);
    isSettled = true;
    assertKept(log, await followFeed(calls.read, () => true), await following);
    const verified = await runCommand(['verify', '--url', local.url, '--token', token], { env });
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    await until(
      'health is ok',
      async () => {
        const health = await calls.call(`${local.url}/api/health`);
        return (health?.body as { status: string } | undefined)?.status === 'ok';
      },
      PATIENCE_MS,
    );
  });
});

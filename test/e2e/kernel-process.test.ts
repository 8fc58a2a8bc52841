import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import path from 'node:path';
import {
  cleanUp,
  type LocalRun,
  processesNaming,
  startLocalRun,
  temporaryFolder,
} from '../support/local-run';
import { until } from '../support/until';

describe('the process of the kernels', function () {
  this.timeout(180_000);
  let data: string;
  let local: LocalRun;

  before(async () => {
    data = await temporaryFolder();
    local = await startLocalRun(data);
  });
  after(async () => {
    await local.stop('SIGKILL');
    await cleanUp(data);
  });

  // biome-ignore lint/suspicious/noExplicitAny: the shape of an answer is what a test asserts
  async function call(where: string, body?: unknown, headers: Record<string, string> = {}): Promise<any> {
    const response = await fetch(`${local.url}${where}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${local.token}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      body: await response.json(),
    };
  }

  /** PostgreSQL's processes of this run that serve a role. */
  async function serverProcesses(): Promise<{ pid: number; role: string }[]> {
    const own = new Set(await processesNaming(data));
    const found = [];
    for (const name of await readdir('/proc')) {
      const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      const role = /^postgres: logline: (\w+) logline /.exec(command)?.[1];
      if (role === undefined) continue;
      const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      if (own.has(parent)) found.push({ pid: Number(name), role });
    }
    return found;
  }

  /** Niceness of its session (sched(7), "The autogroup feature"). */
  async function sessionNiceness(pid: number): Promise<number> {
    const text = await readFile(`/proc/${pid}/autogroup`, 'utf8').catch(() => '');
    return Number(/nice (-?\d+)/.exec(text)?.[1]);
  }

  async function append(code: string): Promise<string> {
    const { body } = await call('/api/spans', {
      entity_type: 'function',
      who: 'e2e',
      this: 'f',
      name: 'f',
      code,
    });
    return body.span.id;
  }

  it('leaves the processor to the API where both want it', async () => {
    const [pid] = await kernels();
    assert.ok(pid !== undefined);
    assert.ok(getPriority(pid) > getPriority(), `niceness ${getPriority(pid)}`);
    // Its session is its own: proc_pid_stat(5), the sixth field, counted behind the name, which may have spaces.
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    assert.equal(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3], String(pid));
    if (existsSync('/proc/self/autogroup')) assert.equal(await sessionNiceness(pid), 5);
  });

  it('leaves it to the others in the database, too: user SQL, and batches of spans', async function () {
    if (!existsSync('/proc/self/autogroup')) this.skip();
    const id = await append('async function main(ctx) { return ctx.sql`SELECT 1 AS one`; }');
    assert.equal((await call(`/api/execute/${id}`, { input: null })).status, 200);
    const many = Array.from({ length: 64 }, () => ({ entity_type: 'note', who: 'e2e', this: 'x' }));
    assert.equal((await call('/api/spans', many)).status, 201);
    const ofServers = async () => {
      const servers = await serverProcesses();
      const all = await Promise.all(
        servers.map(async ({ pid, role }) => `${role} ${await sessionNiceness(pid)}`),
      );
      return new Set(all);
    };
    await until('they do', async () => {
      const found = await ofServers();
      return found.has('logline_guest 15') && found.has('logline_app 10');
    });
    const found = await ofServers();
    assert.ok(found.has('logline_app 0'), [...found].join());
    assert.ok(found.has('logline_kernel 0'), [...found].join());
  });

  /** Ids of the kernel processes of this data folder, by their command lines. */
  async function kernels(): Promise<number[]> {
    const found = [];
    for (const pid of await processesNaming(data)) {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (command.split('\0').includes('kernels')) found.push(pid);
    }
    return found;
  }

  it("is one process beside the API, and executes the API's runs", async () => {
    const pids = await kernels();
    assert.equal(pids.length, 1);
    assert.ok(!pids.includes(local.pid));
    const { status, body } = await call(`/api/execute/${await append('function main() { return 1; }')}`, {});
    assert.deepEqual([status, body.result], [200, 1]);
  });

  it('is given neither passwords nor keys on its command line or in its environment', async () => {
    const [pid] = await kernels();
    const { signing_key, database_passwords } = JSON.parse(
      await readFile(path.join(data, 'keys.json'), 'utf8'),
    );
    const told =
      (await readFile(`/proc/${pid}/cmdline`, 'utf8')) + (await readFile(`/proc/${pid}/environ`, 'utf8'));
    for (const secret of [signing_key.seed_hex, ...Object.values(database_passwords)])
      assert.ok(!told.includes(String(secret)));
  });

  it('writes to the same log', async () => {
    const log = await readFile(path.join(data, 'logline.log'), 'utf8');
    const pids = new Set(
      log
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line).pid),
    );
    const [pid] = await kernels();
    assert.ok(pids.has(local.pid) && pids.has(pid), `only ${[...pids]}`);
  });

  it('ends the runs of callers that hang up: one under way is recorded as that, one that waits never begins', async () => {
    const endless = await append(
      "async function main(ctx) { await ctx.insertSpan({ entity_type: 'began', who: 'e2e', this: 'f' }); for (;;); }",
    );
    const hangUp = new AbortController();
    const execute = () =>
      fetch(`${local.url}/api/execute/${endless}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${local.token}`, 'content-type': 'application/json' },
        body: '{}',
        signal: hangUp.signal,
      });
    // A tenant has three of the four workers at most.
    const calls = Array.from({ length: 5 }, () => execute().catch(() => undefined));
    const began = async () => (await call('/api/timeline?entity_type=began')).body.count;
    await until('three runs have begun', async () => (await began()) >= 3);
    hangUp.abort();
    await Promise.all(calls);
    const codes = async (): Promise<string[]> =>
      (await call(`/api/timeline?entity_type=execution&parent_id=${endless}`)).body.spans.map(
        ({ error }: { error: { code: string } }) => error.code,
      );
    await until('each that began is recorded', async () => (await codes()).length === (await began()));
    // Calls queued earlier have left the queue before this one runs.
    const quick = await append('function main() { return 3; }');
    assert.equal((await call(`/api/execute/${quick}`, {})).status, 200);
    assert.ok((await codes()).includes('aborted'), String(await codes()));
    assert.ok((await began()) < calls.length, 'what waited has begun');
  });

  it('is restarted when it is killed; callers waiting for a run get 503 with Retry-After, and the API keeps serving', async () => {
    const slow = await append(
      'async function main(ctx) { for (let i = 0; i < 1000; i++) await ctx.sql`SELECT count(*) FROM generate_series(1, 1000000) g`; }',
    );
    const quick = await append('function main() { return 2; }');
    const queued = await call(`/api/execute/${quick}`, {}, { prefer: 'respond-async' });
    assert.equal(queued.status, 202);
    const waiting = call(`/api/execute/${slow}`, {});
    const log = () => readFile(path.join(data, 'logline.log'), 'utf8');
    const [first] = await kernels();
    assert.ok(first !== undefined);
    process.kill(first, 'SIGKILL');
    const cut = await waiting;
    assert.equal(cut.status, 503);
    assert.ok(Number(cut.retryAfter) > 0);
    assert.equal((await call('/api/timeline?limit=1')).status, 200);

    await until('the kernels are another process', async () => {
      const [next] = await kernels();
      return next !== undefined && next !== first;
    });
    await until(
      'a function runs again',
      async () => (await call(`/api/execute/${quick}`, {})).status === 200,
    );
    assert.match(await log(), /the kernels ended and are started again/);
    const requests = '/api/timeline?entity_type=request&status=complete';
    await until('what was queued has run', async () => (await call(requests)).body.count >= 1);
  });

  it('ends when the API is killed', async () => {
    const [pid] = await kernels();
    assert.ok(pid !== undefined);
    await local.stop('SIGKILL');
    await until('nothing of the run is left', async () => (await processesNaming(data)).length === 0);
  });
});

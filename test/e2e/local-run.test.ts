import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chown, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import LONG_RUN from '../../cli/long-run.json';
import {
  cleanUp,
  type LocalRun,
  outputOf,
  processesNaming,
  runCommand,
  startCommand,
  startLocalRun,
  temporaryFolder,
} from '../support/local-run';
import { withClient } from '../support/sql-session';
import { createEmptyDatabase } from '../support/test-database';
import { until } from '../support/until';

const run = promisify(execFile);

describe('npm start', function () {
  this.timeout(90_000);
  /** A data folder of an earlier, cleanly stopped run; copying it is faster than creating one. */
  let earlier: string;
  let data: string;

  before(async () => {
    earlier = await temporaryFolder();
    await (await startLocalRun(earlier)).stop();
  });

  beforeEach(async () => {
    data = await temporaryFolder();
  });

  afterEach(() => cleanUp(data));
  after(() => cleanUp(earlier));

  /** As on every start but the first. */
  async function startAgain(): Promise<LocalRun> {
    await run('cp', ['-a', `${earlier}/.`, data]);
    return startLocalRun(data);
  }

  async function append(local: LocalRun, span: object): Promise<Response> {
    return fetch(`${local.url}/api/spans`, {
      method: 'POST',
      headers: { authorization: `Bearer ${local.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ entity_type: 'note', who: 'e2e', this: 'a thing', ...span }),
    });
  }

  async function names(local: LocalRun): Promise<Set<unknown>> {
    const found = new Set<unknown>();
    let cursor: string | null = null;
    for (let more = true; more; ) {
      const query = new URLSearchParams({
        order: 'feed',
        limit: '1000',
        ...(cursor === null ? {} : { cursor }),
      });
      const response = await fetch(`${local.url}/api/timeline?${query}`, {
        headers: { authorization: `Bearer ${local.token}` },
      });
      const page = (await response.json()) as {
        spans: { name?: string }[];
        has_more: boolean;
        next_cursor: string;
      };
      for (const span of page.spans) found.add(span.name);
      cursor = page.next_cursor;
      more = page.has_more;
    }
    return found;
  }

  it('prints a curl line that works when pasted, and verify accepts its span', async () => {
    const local = await startLocalRun(data);
    const { stdout } = await run('sh', ['-c', local.curl]);
    assert.equal(JSON.parse(stdout).success, true);

    const verified = await runCommand(['verify', '--url', local.url, '--token', local.token]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    assert.match(verified.stdout, /^OK: \d+ spans? of/m);
    await local.stop();
  });

  it('lets verify name a span that a superuser deleted, also with a token that could not read it', async () => {
    const local = await startAgain();
    const env = { LOGLINE_DATA: data };
    const { span } = (await (await append(local, { visibility: 'private' })).json()) as {
      span: { id: string };
    };
    const sealed = await fetch(`${local.url}/api/spans/${span.id}/proof`, {
      headers: { authorization: `Bearer ${local.token}`, prefer: 'wait=20' },
    });
    assert.equal(sealed.status, 200, await sealed.text());

    const { database_passwords } = JSON.parse(await readFile(path.join(data, 'keys.json'), 'utf8'));
    const url = new URL((await runCommand(['connect', '--print', '--admin'], { env })).stdout.trim());
    url.username = 'postgres';
    url.password = database_passwords.superuser;
    await withClient(url.href, async (client) => {
      await client.query('ALTER TABLE ledger.universal_registry DISABLE TRIGGER ALL');
      await client.query('DELETE FROM ledger.universal_registry WHERE id = $1', [span.id]);
    });

    const other = await runCommand(['token', '--user', 'somebody else', '--tenant', 'dev'], { env });
    for (const args of [[], ['--url', local.url, '--token', other.stdout.trim()]]) {
      const { code, stdout } = await runCommand(['verify', ...args], { env });
      assert.equal(code, 1, stdout);
      assert.match(
        stdout,
        new RegExp(
          `^FAULT span ${span.id} version 0 \\(position \\d+ of the log of tenant dev\\) span: .*removed`,
          'm',
        ),
      );
    }
    await local.stop();
  });

  it('runs with the memory settings of a long run, its kernels too', async function () {
    if (process.platform !== 'linux') this.skip();
    const local = await startAgain();
    const pids = [local.pid, ...(await processesNaming(`kernels\0${data}`))];
    assert.equal(pids.length, 2);
    for (const pid of pids) {
      const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
      const variables = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
      for (const option of LONG_RUN.args) assert.ok(words.includes(option), option);
      for (const [name, value] of Object.entries(LONG_RUN.env))
        assert.ok(variables.includes(`${name}=${value}`), name);
    }
    await local.stop();
  });

  it('passes its own smoke test, schedule and tenant boundary included', async () => {
    const local = await startAgain();
    const smoke = await runCommand(['smoke', '--json'], { env: { LOGLINE_DATA: data } });
    const report = JSON.parse(smoke.stdout);
    assert.deepEqual(
      report.results.filter(({ outcome }: { outcome: string }) => outcome !== 'pass'),
      [],
    );
    assert.equal(smoke.code, 0);
    await local.stop();
  });

  it('prints the URL of its database, as logline_app and as the owner', async () => {
    const local = await startAgain();
    for (const [args, role] of [
      [['connect', '--print'], 'logline_app'],
      [['connect', '--print', '--admin'], 'logline_owner'],
    ] as const) {
      const { stdout } = await runCommand(args, { env: { LOGLINE_DATA: data } });
      const client = new Client({ connectionString: stdout.trim() });
      await client.connect();
      const { rows } = await client.query('SELECT current_user AS role');
      await client.end();
      assert.deepEqual(rows, [{ role }]);
    }
    await local.stop();
  });

  it('keeps keys, tokens and spans over a restart', async () => {
    const first = await startAgain();
    await append(first, { name: 'kept' });
    const keys = await readFile(path.join(data, 'keys.json'), 'utf8');
    await first.stop();

    const second = await startLocalRun(data);
    assert.equal(await readFile(path.join(data, 'keys.json'), 'utf8'), keys);
    const answer = await append({ ...second, token: first.token }, { name: 'with the old token' });
    assert.equal(answer.status, 201);
    assert.deepEqual([...(await names(second))].includes('kept'), true);
    await second.stop();
  });

  it('keeps the secrets where only their owner can read them', async () => {
    const local = await startAgain();
    assert.equal((await stat(path.join(data, 'keys.json'))).mode & 0o777, 0o600);
    const log = await readFile(path.join(data, 'logline.log'), 'utf8');
    const { signing_key, database_passwords } = JSON.parse(
      await readFile(path.join(data, 'keys.json'), 'utf8'),
    );
    for (const secret of [signing_key.seed_hex, ...Object.values(database_passwords), local.token]) {
      assert.ok(!log.includes(String(secret)), 'the log holds a secret');
    }
    await local.stop();
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`ends cleanly on ${signal} and leaves nothing running`, async () => {
      const local = await startAgain();
      const ended = await local.stop(signal);
      assert.equal(ended.code, 0, ended.stderr);
      assert.equal(ended.stderr, '');
      assert.deepEqual(await processesNaming(data), []);
    });
  }

  it('counts the same signal from terminal and npm as one stop request', async () => {
    const local = await startAgain();
    // Two different signals, since the system may merge two equal ones.
    process.kill(local.pid, 'SIGINT');
    process.kill(local.pid, 'SIGTERM');
    assert.equal((await local.ended).code, 0);
  });

  it('stops while it is still starting', async () => {
    const command = startCommand(['dev'], { env: { PORT: '0', LOGLINE_DATA: data } });
    await outputOf(command, 'creating the database');
    command.child.kill('SIGINT');
    const { code, stderr } = await command.ended;
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '');
    assert.deepEqual(await processesNaming(data), []);
  });

  it('recovers when it was killed while creating the database', async () => {
    const command = startCommand(['dev'], { env: { PORT: '0', LOGLINE_DATA: data } });
    await outputOf(command, 'creating the database');
    command.child.kill('SIGKILL');
    await command.ended;
    const local = await startLocalRun(data);
    await local.stop();
  });

  it('leaves no database behind when it is killed', async () => {
    const local = await startAgain();
    await local.stop('SIGKILL');
    await until('the database has ended', async () => (await processesNaming(data)).length === 0);
  });

  it('loses no acknowledged span to a kill -9 of everything', async () => {
    const local = await startAgain();
    const acknowledged: string[] = [];
    let isKilled = false;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let number = 0; !isKilled; number += 1) {
        const name = `span ${writer}/${number}`;
        const answer = await append(local, { name }).catch(() => undefined);
        if (answer?.status === 201) acknowledged.push(name);
      }
    });
    await until('some spans are acknowledged', () => acknowledged.length > 100);
    for (const pid of [...(await processesNaming(data)), local.pid]) process.kill(pid, 'SIGKILL');
    await local.ended;
    isKilled = true;
    await Promise.all(writers);

    const next = await startLocalRun(data);
    const found = await names(next);
    assert.deepEqual(
      acknowledged.filter((name) => !found.has(name)),
      [],
    );
    await next.stop();
  });

  it('starts the database again when that alone is killed', async () => {
    const local = await startAgain();
    const pidFile = await readFile(path.join(data, 'postgres', 'postmaster.pid'), 'utf8');
    process.kill(Number(pidFile.split('\n')[0]), 'SIGKILL');
    const seen = new Set<number>();
    // A read may use a connection that has not noticed the end yet, and gets a retryable error.
    const isThere = () =>
      names(local).then(
        (found) => found.has('after the fall'),
        () => false,
      );
    await until('a span is accepted again', async () => {
      const answer = await append(local, { name: 'after the fall' });
      seen.add(answer.status);
      return answer.status === 201 && isThere();
    });
    assert.deepEqual(
      [...seen].filter((status) => status !== 201 && status !== 503),
      [],
    );
    assert.equal((await local.stop()).code, 0);
  });

  it('explains in one line that the port is in use', async () => {
    const other = await startAgain();
    const second = await temporaryFolder();
    const port = new URL(other.url).port;
    const ended = await runCommand(['dev'], { env: { PORT: port, LOGLINE_DATA: second } });
    await other.stop();
    await cleanUp(second);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, new RegExp(`^logline: port ${port} is in use .*PORT=\\d+\\n$`));
  });

  it('explains in one line that it already runs on this data', async () => {
    const local = await startAgain();
    const ended = await runCommand(['dev'], { env: { PORT: '0', LOGLINE_DATA: data } });
    await local.stop();
    assert.equal(ended.code, 1);
    assert.match(
      ended.stderr,
      new RegExp(`^logline: LogLine already runs on .*process ${local.pid}, .*${local.url}.*\\n$`),
    );
  });

  for (const { title, break: damage, message } of [
    {
      title: 'the control file is damaged',
      break: (folder: string) => writeFile(path.join(folder, 'postgres', 'global', 'pg_control'), 'x'),
      message: /^logline: the database folder .* is broken .*\n$/,
    },
    {
      title: 'the database is of another major version',
      break: (folder: string) => writeFile(path.join(folder, 'postgres', 'PG_VERSION'), '15\n'),
      message: /^logline: the database in .* belongs to PostgreSQL 15, .*\n$/,
    },
    {
      title: 'the version file is missing',
      break: (folder: string) => run('rm', [path.join(folder, 'postgres', 'PG_VERSION')]),
      message: /^logline: the database folder .* is broken: .*\n$/,
    },
    {
      title: 'keys.json is no JSON',
      break: (folder: string) => writeFile(path.join(folder, 'keys.json'), '{"format":'),
      message: /^logline: .*keys\.json is broken: it is not JSON.*\n$/,
    },
    {
      title: 'keys.json is gone but the database is not',
      break: (folder: string) => run('rm', [path.join(folder, 'keys.json')]),
      message: /^logline: .*keys\.json is missing, but .*\n$/,
    },
  ]) {
    it(`explains in one line that ${title}`, async () => {
      await run('cp', ['-a', `${earlier}/.`, data]);
      await damage(data);
      const ended = await runCommand(['dev'], { env: { PORT: '0', LOGLINE_DATA: data } });
      assert.equal(ended.code, 1);
      assert.match(ended.stderr, message);
      assert.deepEqual(await processesNaming(data), []);
    });
  }

  it('explains in one line that LOGLINE_DATA is not a folder', async () => {
    const file = path.join(data, 'file');
    await writeFile(file, '');
    const ended = await runCommand(['dev'], { env: { PORT: '0', LOGLINE_DATA: file } });
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /^logline: .* is not a folder; .*\n$/);
  });

  it('uses the server that DATABASE_URL names and starts none', async () => {
    const database = await createEmptyDatabase();
    // Roles with a prefix: those without one serve other tests of this server, with other passwords.
    const env = { DATABASE_URL: database.adminUrl, LOGLINE_ROLE_PREFIX: 'dev_run' };
    const local = await startLocalRun(data, { env });
    assert.equal((await append(local, { name: 'elsewhere' })).status, 201);
    assert.ok((await names(local)).has('elsewhere'));
    const [kernels] = await processesNaming(data);
    const told = await readFile(`/proc/${kernels}/environ`, 'utf8');
    assert.ok(told.includes('LOGLINE_ROLE_PREFIX'));
    assert.ok(
      !told.includes(new URL(database.adminUrl).password),
      "the owner's password is not the kernels' affair",
    );
    const other = await createEmptyDatabase();
    const second = await runCommand(['dev'], {
      env: { ...env, PORT: '0', LOGLINE_DATA: `${data}.second`, DATABASE_URL: other.adminUrl },
    });
    await rm(`${data}.second`, { recursive: true, force: true });
    await other.drop();
    assert.equal(second.code, 1);
    assert.match(second.stderr, /^logline: .*The roles dev_run_… .* set LOGLINE_ROLE_PREFIX .*\n$/);
    assert.equal(await stat(path.join(data, 'postgres')).catch(() => undefined), undefined);
    await local.stop();
    await database.drop();
  });

  for (const [title, url, message] of [
    ['no URL', 'db.example', /^logline: DATABASE_URL is not a URL; .*\n$/],
    ['another protocol', 'mysql://u@h/d', /^logline: DATABASE_URL must begin with postgres:.*\n$/],
    [
      'nobody there',
      'postgres://u:geheim@127.0.0.1:1/d',
      /^logline: cannot reach PostgreSQL at 127\.0\.0\.1:1\/d .*\n$/,
    ],
  ] as const) {
    it(`explains a DATABASE_URL with ${title} in one line, without its password`, async () => {
      const ended = await runCommand(['dev'], { env: { PORT: '0', LOGLINE_DATA: data, DATABASE_URL: url } });
      assert.notEqual(ended.code, 0);
      assert.match(ended.stderr, message);
      assert.ok(!(ended.stdout + ended.stderr).includes('geheim'));
    });
  }

  it('runs as an ordinary user too', async () => {
    if (process.getuid?.() !== 0) return; // the other tests run as this user anyway
    const nobody = 65_534;
    // The rollback guard goes beside it.
    for (const folder of [path.dirname(data), data]) await chown(folder, nobody, nobody);
    const local = await startLocalRun(data, { uid: nobody, gid: nobody });
    assert.equal((await append(local, {})).status, 201);
    assert.equal((await local.stop()).code, 0);
    assert.deepEqual(await processesNaming(data), []);
  });
});

import assert from 'node:assert/strict';
import { appendFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FUNCTIONS } from '../../cli/aws/stack-file';
import { AwsAccount } from '../support/aws-account';
import { cleanUp, outputOf, runCommand, startCommand, temporaryFolder } from '../support/local-run';

const GROUP = '/aws/lambda/logline-dev-';

describe('logline logs', function () {
  this.timeout(60_000);
  const following: ReturnType<typeof startCommand>[] = [];
  afterEach(() => {
    for (const { child } of following.splice(0)) child.kill('SIGKILL');
  });
  /** Starts a command that does not end by itself; a hook ends it. */
  const follow = (args: string[], env: Readonly<Record<string, string>>) => {
    const command = startCommand(['logs', '--follow', ...args], { env });
    following.push(command);
    return command;
  };

  describe('of a stack, against a stand-in for CloudWatch Logs', () => {
    let account: AwsAccount;
    let now: number;
    let events = 0;
    const entry = (agoMs: number, message: unknown) => {
      events += 1;
      const text = typeof message === 'string' ? message : JSON.stringify(message);
      return { eventId: String(events), timestamp: now - agoMs, message: `${text}\n` };
    };

    beforeEach(async () => {
      // Set here rather than on load: in a long run entries would be older than the default range.
      now = Date.now();
      account = await AwsAccount.start();
      for (const name of FUNCTIONS) account.contents.logs.set(GROUP + name.replaceAll('_', '-'), []);
    });
    afterEach(() => account.close());

    const run = (...args: string[]) => runCommand(['logs', ...args, '--stack', 'dev'], { env: account.env });

    it('shows several functions as one, by time, through all pages', async () => {
      account.contents.logs.set(
        `${GROUP}stage0`,
        [50, 40, 30, 20, 10].map((agoMs) =>
          entry(agoMs, { level: 'info', msg: `request ${agoMs}`, status: 200 }),
        ),
      );
      account.contents.logs.set(`${GROUP}request-worker`, [entry(35, { level: 'error', msg: 'tick' })]);
      const { code, stdout, stderr } = await run('all');
      assert.equal(code, 0, stderr);
      const shown = stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.replace(/^\S+ \S+ /, ''));
      assert.deepEqual(shown, [
        'stage0         info request 50 status=200',
        'stage0         info request 40 status=200',
        'request_worker error tick',
        'stage0         info request 30 status=200',
        'stage0         info request 20 status=200',
        'stage0         info request 10 status=200',
      ]);
      assert.ok(!stdout.includes('\u001b'), 'colours without a terminal');
    });

    it("knows the aliases, and reads only that function's log", async () => {
      account.contents.logs.set(`${GROUP}request-worker`, [entry(5, 'plain words')]);
      const { stdout } = await run('worker', '--json');
      assert.deepEqual(JSON.parse(stdout), {
        time: new Date(now - 5).toISOString(),
        source: 'request_worker',
        entry: 'plain words',
      });
      assert.deepEqual(account.asked, ['FilterLogEvents']);
    });

    it("shows only midnight's entries of the function that it runs in", async () => {
      account.contents.logs.set(`${GROUP}run-code`, [
        entry(9, { msg: 'tick', function: 'midnight_ruler' }),
        entry(8, { msg: 'something else' }),
      ]);
      const { stdout } = await run('midnight');
      assert.equal(stdout.trim().split('\n').length, 1);
    });

    it('omits entries older than --since, and those that --filter does not match', async () => {
      account.contents.logs.set(`${GROUP}stage0`, [
        entry(3_600_000, 'old'),
        entry(1_000, 'young and good'),
        entry(900, 'young and bad'),
      ]);
      const { stdout } = await run('stage0', '--since', '10m', '--filter', '"good"');
      assert.match(stdout, /young and good/);
      assert.doesNotMatch(stdout, /old|bad/);
    });

    it('follows without repeating an entry, and ends with 0 on Ctrl-C', async () => {
      const log = [entry(20, 'first')];
      account.contents.logs.set(`${GROUP}stage0`, log);
      const command = follow(['all', '--stack', 'dev'], account.env);
      await outputOf(command, 'first');
      // An older entry that CloudWatch delivers late.
      log.unshift(entry(500, 'late'));
      log.push(entry(0, 'second'));
      await outputOf(command, 'second');
      await outputOf(command, 'late');
      command.child.kill('SIGINT');
      const { code, stdout, stderr } = await command.ended;
      assert.equal(code, 0, stderr);
      assert.equal(stderr, '');
      assert.equal(stdout.split('first').length, 2, stdout);
    });

    it('does not pass control characters on to the terminal', async () => {
      account.contents.logs.set(`${GROUP}stage0`, [entry(1, '\u001b]0;owned\u0007 text')]);
      const { stdout } = await run('stage0');
      assert.match(stdout, /\\x1b\]0;owned\\x07 text/);
    });

    it('distinguishes a missing log group, a wrong pattern and a missing permission', async () => {
      account.contents.logs.delete(`${GROUP}migrator`);
      const missing = await run('migrator');
      assert.equal(missing.code, 0);
      assert.match(missing.stderr, /migrator has no log; is stack "dev" deployed in us-east-1/);
      const wrong = await run('stage0', '--filter', '{ broken');
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, /--filter is no pattern of CloudWatch Logs/);
      account.contents.refusals.set('FilterLogEvents', 'AccessDeniedException');
      const denied = await run('stage0');
      assert.equal(denied.code, 1);
      assert.match(denied.stderr, /^logline: these AWS credentials may not read the log .*\n$/);
    });

    it('says in one line that there are no credentials', async () => {
      const { code, stderr } = await runCommand(['logs', '--stack', 'dev'], {
        env: { AWS_ENDPOINT_URL: account.url, AWS_EC2_METADATA_DISABLED: 'true' },
      });
      assert.equal(code, 1);
      assert.match(stderr, /^logline: no AWS credentials found; .*\n$/);
    });
  });

  describe('of the local run', () => {
    let data: string;
    let file: string;
    const line = (members: object) =>
      `${JSON.stringify({ level: 'info', time: new Date().toISOString(), service: 'logline', ...members })}\n`;

    beforeEach(async () => {
      data = await temporaryFolder();
      file = join(data, 'logline.log');
    });
    afterEach(() => cleanUp(data));
    const env = () => ({ LOGLINE_DATA: data });

    it('shows the file that was set aside before the present one, and a function alone by its alias', async () => {
      await writeFile(`${file}.1`, line({ msg: 'older', function: 'observer_bot' }));
      await writeFile(file, line({ msg: 'newer', function: 'request_worker' }));
      const all = await runCommand(['logs'], { env: env() });
      assert.match(all.stdout, /older[\s\S]*newer/);
      const one = await runCommand(['logs', 'observer'], { env: env() });
      assert.match(one.stdout, /older/);
      assert.doesNotMatch(one.stdout, /newer/);
    });

    it('follows across a change of the file, half lines included', async () => {
      await writeFile(file, line({ msg: 'first' }));
      const command = follow(['--json'], env());
      await outputOf(command, 'first');
      const half = line({ msg: 'second' });
      await appendFile(file, half.slice(0, 20));
      await appendFile(file, half.slice(20));
      await outputOf(command, 'second');
      await rename(file, `${file}.1`);
      // Longer than the previous file, so that the length alone does not reveal the rotation.
      await writeFile(file, line({ msg: 'third', padding: 'x'.repeat(2_000) }));
      await outputOf(command, 'third');
      command.child.kill('SIGINT');
      const { code, stdout } = await command.ended;
      assert.equal(code, 0);
      assert.deepEqual(
        stdout
          .trim()
          .split('\n')
          .map((text) => JSON.parse(text).entry.msg),
        ['first', 'second', 'third'],
      );
    });

    it('says where there should be a log when there is none', async () => {
      const { code, stderr } = await runCommand(['logs'], { env: env() });
      assert.equal(code, 1);
      assert.match(stderr, /there is no log at .*logline\.log yet; npm start writes it/);
    });
  });
});

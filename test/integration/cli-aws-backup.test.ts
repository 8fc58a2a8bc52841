import assert from 'node:assert/strict';
import { AwsAccount } from '../support/aws-account';
import { cleanUp, runCommand, temporaryFolder } from '../support/local-run';

describe('logline backup of a stack, against a stand-in for RDS', function () {
  this.timeout(60_000);
  let account: AwsAccount;
  let folder: string;
  before(async () => {
    account = await AwsAccount.start();
    folder = await temporaryFolder();
  });
  beforeEach(() => {
    account.contents.databases.clear();
    account.contents.snapshots.clear();
    account.contents.refusals.clear();
  });
  after(async () => {
    await account?.close();
    await cleanUp(folder);
  });
  const run = (args: string[], extra: Record<string, string> = {}) =>
    runCommand(['backup', ...args], { env: { ...account.env, LOGLINE_DATA: folder, ...extra } });

  it('makes a snapshot, and prints its identifier and how to restore from it', async () => {
    account.contents.databases.add('logline-dev-db');
    const { code, stdout, stderr } = await run(['--stack', 'dev']);
    assert.deepEqual([code, stderr], [0, '']);
    const [[snapshot, database] = []] = [...account.contents.snapshots];
    assert.equal(database, 'logline-dev-db');
    assert.match(snapshot ?? '', /^logline-dev-by-hand-\d{8}t\d{6}$/);
    const restore = stdout.split('\n').find((line) => line.includes('restore-db-instance-from-db-snapshot'));
    assert.match(restore ?? '', new RegExp(`--db-snapshot-identifier ${snapshot} `));
    for (const part of ['logline-dev-db-restored', 'db.t4g.micro', 'subnets', 'sg-1', 'parameters']) {
      assert.ok(restore?.includes(part), part);
    }
    const asJson = await run(['--stack', 'dev', '--json']);
    assert.equal(JSON.parse(asJson.stdout).status, 'creating');
  });

  it('refuses a stack without a database, and makes nothing', async () => {
    const { code, stdout, stderr } = await run(['--stack', 'dev']);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /stack "dev" has no database in us-east-1 \(there is no logline-dev-db\)/);
    assert.equal(account.contents.snapshots.size, 0);
  });

  it('says in one line that it lacks the right, or that there is no network', async () => {
    account.contents.databases.add('logline-dev-db');
    account.contents.refusals.set('CreateDBSnapshot', 'AccessDenied');
    const denied = await run(['--stack', 'dev']);
    assert.equal(denied.code, 1);
    assert.match(denied.stderr, /^[^\n]*may not make a snapshot of logline-dev-db[^\n]*\n$/);
    const gone = await AwsAccount.start();
    const { url } = gone;
    await gone.close();
    const offline = await run(['--stack', 'dev'], { AWS_ENDPOINT_URL: url });
    assert.equal(offline.code, 1);
    assert.match(offline.stderr, /AWS does not answer/);
  });

  for (const args of [[], ['--out', 'x', '--stack', 'dev'], ['--stack', 'dev', '--with-keys']]) {
    it(`does not take "${args.join(' ')}"`, async () => {
      assert.equal((await run(args)).code, 2);
    });
  }
});

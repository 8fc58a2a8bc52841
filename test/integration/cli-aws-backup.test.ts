import assert from 'node:assert/strict';
import { beginSnapshot } from '../../cli/aws/snapshot-stack';
import { parseSettings } from '../../infra/settings';
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

  it('starts a snapshot, and prints its identifier and how to restore from it', async () => {
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

  it('refuses a stack without a database, and creates nothing', async () => {
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

describe('a snapshot of an Aurora cluster, against a stand-in for RDS', () => {
  const environmentBefore = { ...process.env };
  let account: AwsAccount;
  before(async () => {
    account = await AwsAccount.start();
    Object.assign(process.env, account.env);
  });
  after(async () => {
    for (const name of Object.keys(account.env)) delete process.env[name];
    Object.assign(process.env, environmentBefore);
    await account.close();
  });
  const begin = (database: Record<string, unknown>) =>
    beginSnapshot(
      parseSettings({
        project: 'logline',
        stack: 'prod',
        region: 'us-east-1',
        values: { database: { engine: 'aurora', ...database } },
      }),
    );

  it('is one of the cluster, restored with a member of the same class, and deleted afterwards', async () => {
    account.contents.databases.add('logline-prod-db');
    const { snapshot, restore, wait, available, remove } = await begin({ instanceClass: 'db.r7g.large' });
    assert.deepEqual([...account.contents.snapshots], [[snapshot, 'logline-prod-db']]);
    assert.deepEqual(account.asked.slice(-2), ['DescribeDBClusters', 'CreateDBClusterSnapshot']);
    assert.match(wait, /wait db-cluster-snapshot-available --db-cluster-snapshot-identifier/);
    const [cluster = '', member = ''] = restore.split(' && ');
    for (const part of [`--snapshot-identifier ${snapshot} `, 'subnets', 'sg-1', 'parameters'])
      assert.ok(cluster.includes(part), part);
    assert.doesNotMatch(cluster, /serverless/);
    assert.match(
      member,
      /--db-instance-identifier logline-prod-db-restored-0 .*--db-instance-class db\.r7g\.large/,
    );
    assert.match(
      available,
      /wait db-instance-available --db-instance-identifier logline-prod-db-restored-0 /,
    );
    for (const what of ['delete-db-instance', 'delete-db-cluster ', 'delete-db-cluster-snapshot'])
      assert.ok(remove.includes(what), what);
  });

  it('restores one without servers with its capacity, which RDS wants before a member', async () => {
    const { restore } = await begin({ serverless: { minAcu: 0.5, maxAcu: 4 } });
    assert.match(
      restore.split(' && ')[0] ?? '',
      /--serverless-v2-scaling-configuration MinCapacity=0\.5,MaxCapacity=4 /,
    );
    assert.match(restore, /--db-instance-class db\.serverless /);
  });

  it('refuses a stack without a cluster, and a busy one, each with its own message', async () => {
    account.contents.databases.clear();
    await assert.rejects(
      begin({}),
      /stack "prod" has no database in us-east-1 \(there is no logline-prod-db\)/,
    );
    account.contents.databases.add('logline-prod-db');
    account.contents.refusals.set('CreateDBClusterSnapshot', 'InvalidDBClusterStateFault');
    await assert.rejects(begin({}), /logline-prod-db cannot be backed up just now: .*; try again/);
    account.contents.refusals.clear();
  });
});

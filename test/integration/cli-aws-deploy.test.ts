import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AwsAccount } from '../support/aws-account';
import {
  cleanUp,
  type LocalRun,
  runCommand,
  startCommand,
  startLocalRun,
  temporaryFolder,
} from '../support/local-run';
import { installPulumi, planPulumi } from '../support/pulumi-folder';
import { until } from '../support/until';

const STACK_TRACE = /^\s+at .+:\d+:\d+\)?$/m;
const SECRET_ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:signing-key';
const RESOURCES = [
  'aws:ec2/vpc:Vpc network',
  'aws:rds/instance:Instance database',
  'aws:lambda/invocation:Invocation migrator',
  'aws:lambda/function:Function stage0',
];

/** A local run stands in for the deployed API; the stand-in account has its key as the stack's secret. */
describe('logline deploy and what follows it, against stand-ins for AWS and the Pulumi CLI', function () {
  this.timeout(240_000);
  let account: AwsAccount;
  let data: string;
  let folder: string;
  let local: LocalRun;
  let seed: string;
  let env: Record<string, string>;

  before(async () => {
    account = await AwsAccount.start();
    data = await temporaryFolder();
    folder = await temporaryFolder();
    local = await startLocalRun(data);
    const keys = JSON.parse(await readFile(join(data, 'keys.json'), 'utf8'));
    seed = keys.signing_key.seed_hex;
    account.contents.secrets.set(SECRET_ARN, JSON.stringify({ seed_hex: seed }));
    account.contents.functions.set('logline-dev-stage0', {
      LOGLINE_SIGNING_KEY_SECRET_ARN: SECRET_ARN,
      LOGLINE_DATABASE_SECRET_ARN: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:app',
      LOGLINE_DATABASE_HOST: 'logline-dev.example.us-east-1.rds.amazonaws.com',
      LOGLINE_DATABASE_NAME: 'logline',
    });
    account.contents.quotas.set('lambda/L-B99A9384', 1000);
    account.contents.quotas.set('vpc/L-F678F1CE', 5);
    account.contents.quotas.set('ec2/L-0263D0A3', 5);
    env = { ...account.env, ...installPulumi(folder), LOGLINE_DATA: `${data}/elsewhere` };
  });

  after(async () => {
    await local?.stop();
    await account?.close();
    await cleanUp(data);
    await cleanUp(folder);
  });

  const outputs = () => ({
    apiEndpoint: local.url,
    publicKeyHex: 'ab'.repeat(32),
    connectionString: '[secret]',
  });
  const run = async (...args: string[]) => {
    const ended = await runCommand(args, { env });
    assert.doesNotMatch(ended.stderr, STACK_TRACE);
    assert.ok(!(ended.stdout + ended.stderr).includes(seed), 'the signing key was printed');
    assert.ok(!(ended.stdout + ended.stderr).includes('\u001b'), 'colours without a terminal');
    return ended;
  };

  it('shows what would change and changes nothing', async () => {
    planPulumi(folder, { resources: RESOURCES });
    const { code, stdout, stderr } = await run('deploy', '--stack', 'dev', '--preview-only');
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /\+ rds\/instance database/);
    assert.match(stdout, /4 to create; nothing was changed/);
    assert.deepEqual(JSON.parse(await readFile(join(folder, 'state.json'), 'utf8')), []);
  });

  it('prints the state and the next command when it fails half-way', async () => {
    planPulumi(folder, { resources: RESOURCES, failAt: RESOURCES[2] ?? '' });
    const { code, stdout, stderr } = await run('deploy', '--stack', 'dev', '--yes');
    assert.equal(code, 1);
    assert.match(stdout, /\+ rds\/instance database {2}created in \d+ s/);
    assert.match(
      stderr,
      /^logline: Pulumi: lambda\/invocation migrator: .*AccessDenied.* the deployment failed after .*\(2 created\)\. The state holds 2 resources\. Next: npx logline deploy --stack dev/m,
    );
  });

  it('stops between two resources on a signal, and says the same', async () => {
    planPulumi(folder, { resources: RESOURCES, waitAt: RESOURCES[3] ?? '' });
    const command = startCommand(['deploy', '--stack', 'dev', '--yes'], { env });
    await until('the deployment is at its last resource', () => existsSync(join(folder, 'waiting')));
    // What the CLI has done reaches the command later, over a stream.
    await until('the one before is reported', () => command.stdout().includes('created in'));
    command.child.kill('SIGINT');
    const { code, stderr } = await command.ended;
    assert.equal(code, 1, stderr);
    assert.match(
      stderr,
      /the deployment was interrupted after .*\(1 created\)\. The state holds 3 resources\. Next: npx/,
    );
    assert.doesNotMatch(stderr, STACK_TRACE);
  });

  it('resumes where it stopped, checks migrations, runs the smoke test, and prints lines that work', async () => {
    planPulumi(folder, { resources: RESOURCES, outputs: outputs() });
    const { code, stdout, stderr } = await run('deploy', '--stack', 'dev', '--yes');
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /1 created/);
    assert.match(stdout, /\d+ passed, 0 failed, \d+ skipped/);
    assert.ok(stdout.includes(`LogLine is deployed at ${local.url}`), stdout);
    assert.ok(stdout.includes('TOKEN=$(npx logline token --stack dev --user you --tenant acme)'), stdout);
    const token = await run('token', '--stack', 'dev', '--user', 'you', '--tenant', 'acme');
    assert.equal(token.code, 0, token.stderr);
    const answer = await fetch(`${local.url}/api/timeline`, {
      headers: { authorization: `Bearer ${token.stdout.trim()}` },
    });
    assert.equal(answer.status, 200);
  });

  it('runs the smoke test of a stack with tokens of two tenants', async () => {
    const { code, stdout, stderr } = await run('smoke', '--stack', 'dev', '--json');
    assert.equal(code, 0, stdout + stderr);
    const report = JSON.parse(stdout);
    assert.equal(report.ok, true);
    const skipped = report.results.filter(({ outcome }: { outcome: string }) => outcome === 'skip');
    assert.deepEqual(skipped, []);
  });

  it('says how to reach the private database, without its password', async () => {
    const { code, stdout } = await run('connect', '--stack', 'dev');
    assert.equal(code, 0);
    assert.match(stdout, /AWS-StartPortForwardingSessionToRemoteHost/);
    assert.match(stdout, /host=logline-dev\.example\.us-east-1\.rds\.amazonaws\.com/);
    assert.match(stdout, /sslmode=verify-full/);
    assert.ok(!account.asked.includes('PutSecretValue'));
  });

  it('migrates and seeds through the migrator, and reads the state from the API', async () => {
    const missing = await run('migrate', '--stack', 'dev');
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /stack "dev" is not deployed in us-east-1/);
    account.contents.answers.set('logline-dev-migrator', {
      payload: { migrations: ['000099_more'], seeds: ['run_code'], keys: [] },
    });
    assert.equal((await run('seed', '--stack', 'dev')).stdout, 'applied 000099_more\nseeded run_code\n');
    account.contents.answers.set('logline-dev-migrator', {
      payload: { errorType: 'Error', errorMessage: 'column "x" does not exist' },
      failed: true,
    });
    const failed = await run('migrate', '--stack', 'dev');
    assert.equal(failed.code, 1);
    assert.match(
      failed.stderr,
      /^logline: the migrator failed: column "x" does not exist; see npx logline logs/,
    );
    const status = await run('migrate', '--stack', 'dev', '--status');
    assert.equal(status.code, 0, status.stdout);
    assert.match(status.stdout, /and everything before it is applied/);
  });

  it('shows the keys and the status of a stack, and exports from it, without a token at hand', async () => {
    const keys = await run('keys', 'show', '--stack', 'dev', '--json');
    assert.equal(keys.code, 0, keys.stderr);
    assert.match(JSON.parse(keys.stdout).public_key, /^[0-9a-f]{64}$/);
    const status = await run('status', '--stack', 'dev', '--tenant', 'smoke', '--json');
    assert.equal(status.code, 0, status.stderr);
    assert.equal(typeof JSON.parse(status.stdout).queue.waiting, 'number');
    const out = join(folder, 'smoke.ndjson');
    const exported = await run('export', '--stack', 'dev', '--tenant', 'smoke', '--out', out);
    assert.equal(exported.code, 0, exported.stderr);
    assert.match(exported.stdout, /exported [1-9]\d* spans/);
  });

  it('rotates and revokes keys through the migrator, so that no seed leaves AWS', async () => {
    account.contents.answers.set('logline-dev-migrator', {
      payload: { migrations: [], seeds: [], keys: [], public_key: 'cd'.repeat(32), promote_in_seconds: 0 },
    });
    const asked = account.asked.length;
    const rotated = await run('keys', 'rotate', '--stack', 'dev', '--json');
    assert.equal(rotated.code, 0, rotated.stderr);
    assert.equal(JSON.parse(rotated.stdout).public_key, 'cd'.repeat(32));
    assert.equal((await run('keys', 'rotate', '--stack', 'dev', '--passwords')).code, 0);
    const revoked = await run('keys', 'revoke', '--stack', 'dev', '--public-key', 'ab'.repeat(32));
    assert.equal(revoked.code, 0, revoked.stderr);
    assert.deepEqual([...new Set(account.asked.slice(asked))], ['Invoke']);
    assert.equal((await run('keys', 'revoke', '--stack', 'dev', '--public-key', 'ab')).code, 2);
  });

  it('rotates the key of checkpoints through the migrator', async () => {
    const keys = { public_key: 'ab'.repeat(32), replaced_public_key: 'cd'.repeat(32) };
    account.contents.answers.set('logline-dev-migrator', { payload: { checkpoint_keys: keys } });
    const rotated = await run('keys', 'rotate', '--checkpoint', '--stack', 'dev', '--json');
    assert.equal(rotated.code, 0, rotated.stderr);
    assert.deepEqual(JSON.parse(rotated.stdout), { ...keys, purpose: 'checkpoint' });
    assert.equal(account.calls.at(-1)?.event.change, 'rotate_checkpoint_key');
    assert.equal((await run('keys', 'rotate', '--checkpoint', '--passwords', '--stack', 'dev')).code, 2);
  });

  it('repeats the restore event until the migrator has moved the counter, and reports lost batches', async () => {
    const lost = { batches: 3, up_to_tx_id: '900' };
    account.contents.answers.set('logline-dev-migrator', [
      { payload: { restored: { ids_left: 5_000, lost: null, renamed_logs: 0 } } },
      { payload: { restored: { ids_left: 0, lost, renamed_logs: 2 } } },
    ]);
    const restored = await run('restore', '--stack', 'dev');
    assert.equal(restored.code, 0, restored.stderr);
    assert.match(restored.stderr, /5000 ids are left/);
    assert.match(restored.stdout, /^LOST: .* 3 batches more, up to transaction 900/m);
    assert.match(restored.stdout, /^2 logs go on under another name/m);
    assert.deepEqual(
      account.calls.slice(-2).map(({ event }) => event.change),
      ['restore', 'restore'],
    );
    account.contents.answers.set('logline-dev-migrator', {
      payload: { restored: { ids_left: 5_000, lost: null, renamed_logs: 0 } },
    });
    const stuck = await run('restore', '--stack', 'dev');
    assert.deepEqual([stuck.code, /does not get on/.test(stuck.stderr)], [1, true]);
    assert.equal((await run('restore', 'x.backup', '--stack', 'dev')).code, 2);
  });

  it('previews without deploying', async () => {
    planPulumi(folder, { resources: RESOURCES });
    const { code, stdout, stderr } = await run('preview', '--stack', 'dev');
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /nothing was changed|Nothing to change/);
  });

  it('destroys after the name was given twice', async () => {
    const wrong = await run('destroy', '--stack', 'dev', '--yes', 'prod');
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /--yes must repeat the stack's name/);
    const unasked = await run('destroy', '--stack', 'dev');
    assert.equal(unasked.code, 2);
    assert.match(unasked.stderr, /needs --yes dev/);
    const { code, stdout, stderr } = await run('destroy', '--stack', 'dev', '--yes', 'dev');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /4 deleted/);
  });

  it('refuses a protected stack without --really, and names the first step with it', async () => {
    const unmeant = await run('destroy', '--stack', 'prod', '--yes', 'prod');
    assert.equal(unmeant.code, 1);
    assert.match(unmeant.stderr, /protected.*--really/);
    const meant = await run('destroy', '--stack', 'prod', '--yes', 'prod', '--really');
    assert.equal(meant.code, 1);
    assert.match(meant.stderr, /set logline:protect to false/);
  });

  it('says in one line that there is no Pulumi CLI, and where to get it', async () => {
    const { code, stdout, stderr } = await runCommand(['deploy', '--stack', 'dev', '--yes'], {
      env: account.env,
    });
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(
      stderr,
      /^logline: the Pulumi CLI is not installed; see https:\/\/www\.pulumi\.com\/docs\/install\/\n$/,
    );
  });
});

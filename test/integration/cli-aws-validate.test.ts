import assert from 'node:assert/strict';
import { AwsAccount } from '../support/aws-account';
import { cleanUp, runCommand, temporaryFolder } from '../support/local-run';
import { installPulumi } from '../support/pulumi-folder';

interface Report {
  readonly ok: boolean;
  readonly results: readonly { name: string; outcome: string; detail: string; advice?: string }[];
}

describe('logline validate, against stand-ins for AWS and the Pulumi CLI', function () {
  this.timeout(60_000);
  let account: AwsAccount;
  let folder: string;
  let env: Record<string, string>;

  before(async () => {
    account = await AwsAccount.start();
    folder = await temporaryFolder();
    env = { ...account.env, ...installPulumi(folder) };
  });
  beforeEach(() => {
    account.contents.refusals.clear();
    account.contents.quotas.set('lambda/L-B99A9384', 1000);
    account.contents.quotas.set('vpc/L-F678F1CE', 5);
    account.contents.quotas.set('ec2/L-0263D0A3', 5);
  });
  after(async () => {
    await account?.close();
    await cleanUp(folder);
  });

  const report = async (args: string[], extra: Record<string, string> = {}) => {
    const { code, stdout, stderr } = await runCommand(['validate', '--json', ...args], {
      env: { ...env, ...extra },
    });
    assert.equal(stderr, '');
    const parsed: Report = JSON.parse(stdout);
    const found = (name: string) => {
      const result = parsed.results.find((one) => one.name === name);
      assert.ok(result, `no check "${name}"`);
      return result;
    };
    return { code, ...parsed, found };
  };

  it('passes with everything in place, and names account and backend', async () => {
    const { code, ok, results, found } = await report(['--stack', 'dev', '--strict']);
    assert.deepEqual(
      results.filter(({ outcome }) => outcome !== 'pass'),
      [],
    );
    assert.equal(code, 0);
    assert.ok(ok);
    assert.match(found('AWS credentials').detail, /account 123456789012/);
    assert.match(found('state backend').detail, /operator at file:/);
  });

  it('warns of a quota that is just enough, and refuses a reservation that leaves too little', async () => {
    account.contents.quotas.set('lambda/L-B99A9384', 12);
    const { code, found } = await report(['--stack', 'dev']);
    assert.equal(found('quota: Lambda concurrency').outcome, 'warn');
    const reservation = found('quota: Lambda concurrency left unreserved');
    assert.equal(reservation.outcome, 'fail');
    assert.match(reservation.advice ?? '', /apiConcurrency to none/);
    assert.equal(code, 1);
  });

  it('fails with a quota that is too small, and prints the command to raise it', async () => {
    account.contents.quotas.set('lambda/L-B99A9384', 5);
    account.contents.quotas.set('ec2/L-0263D0A3', 1);
    const { code, found } = await report(['--stack', 'prod']);
    assert.equal(code, 1);
    assert.match(
      found('quota: Lambda concurrency').advice ?? '',
      /request-service-quota-increase .*L-B99A9384/,
    );
    assert.equal(found('quota: Elastic IPs').outcome, 'fail');
  });

  it('only warns of a missing permission that a deployment does not need', async () => {
    account.contents.refusals.set('GetServiceQuota', 'AccessDeniedException');
    const { code, found } = await report(['--stack', 'dev']);
    assert.equal(found('quota: VPCs').outcome, 'warn');
    assert.equal(code, 0);
  });

  for (const [name, refusal, extra, detail] of [
    ['expired credentials', 'ExpiredToken', {}, /have expired/],
    ['credentials that AWS does not know', 'InvalidClientTokenId', {}, /does not accept the credentials/],
    ['no credentials', '', { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }, /no AWS credentials found/],
    ['no network', '', { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, /AWS does not answer \(ECONNREFUSED\)/],
  ] as const) {
    it(`fails in one line each with ${name}, and checks the rest`, async () => {
      if (refusal !== '') account.contents.refusals.set('GetCallerIdentity', refusal);
      const { code, found, results } = await report(['--stack', 'dev'], extra);
      assert.equal(code, 1);
      assert.match(found('AWS credentials').detail, detail);
      assert.equal(found('quota: VPCs').outcome, 'fail');
      assert.equal(found('migrations').outcome, 'pass');
      assert.equal(found('stack configuration').outcome, 'pass');
      for (const result of results) assert.doesNotMatch(result.detail, /\n/);
    });
  }

  it('explains a missing Pulumi CLI and an unknown stack, and prints a table', async () => {
    const { code, stdout, stderr } = await runCommand(['validate', '--stack', 'nowhere'], {
      env: account.env,
    });
    assert.equal(code, 1);
    assert.equal(stderr, '');
    assert.match(stdout, /^FAIL {2}Pulumi CLI +not installed\n +→ see https:/m);
    assert.match(stdout, /^FAIL {2}stack configuration +there is no stack "nowhere"/m);
    assert.match(stdout, /\d+ passed, 0 warnings, \d+ failed/);
    assert.ok(!stdout.includes('\u001b'));
  });
});

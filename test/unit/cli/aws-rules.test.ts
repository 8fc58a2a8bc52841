import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explainAwsError } from '../../../cli/aws/aws-error';
import { stackSettings } from '../../../cli/aws/stack-file';
import { migrationFaults } from '../../../cli/aws/validate/local-checks';
import { judgeVersion } from '../../../cli/aws/validate/pulumi-checks';
import { requireMeant } from '../../../cli/deploy/destroy-stack';
import { shortName } from '../../../cli/deploy/progress';
import { explainPulumi } from '../../../cli/deploy/pulumi-fault';
import { selectionOf } from '../../../cli/logs/function-alias';
import type { LogEntry } from '../../../cli/logs/log-entry';
import { mergeAsTheyCome, mergeByTime } from '../../../cli/logs/merge-streams';
import { OperatorError } from '../../../local/operator-error';
import { KERNEL_NAMES } from '../../../runtime/host/kernel-table';

describe('the rules of the commands for AWS', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'logline-stack-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const write = (text: string) => writeFileSync(join(root, 'Pulumi.test.yaml'), text);

  it('read a stack file as the program does: every fault at once, each with its key', () => {
    write('config:\n  aws:region: nowhere\n  logline:network: { zones: 9 }\n  logline:surprise: 1\n');
    assert.throws(
      () => stackSettings('test', root),
      (error) =>
        error instanceof OperatorError &&
        /aws:region/.test(error.message) &&
        /logline:network\.zones/.test(error.message) &&
        /surprise/.test(error.message) &&
        !error.message.includes('\n'),
    );
  });

  it('accept provider keys that are encrypted, without reading them', () => {
    write('config:\n  aws:region: us-east-1\n  logline:providerKeys: { secure: AAABAgMEBQYH }\n');
    assert.equal(stackSettings('test', root).region, 'us-east-1');
  });

  it('refuse a stack name that could lead elsewhere, and say how to make one that is missing', () => {
    assert.throws(() => stackSettings('../../etc/passwd', root), /allowed are lower-case letters/);
    assert.throws(() => stackSettings('missing', root), /copy Pulumi\.dev\.yaml to Pulumi\.missing\.yaml/);
    write('config: [broken');
    assert.throws(() => stackSettings('test', root), /Pulumi\.test\.yaml cannot be read/);
  });

  it('find a migration that exists twice, is misnamed, or was not generated for', () => {
    const names = ['000001_a.sql', '000002_b.sql'];
    assert.deepEqual(migrationFaults(names, '000002_b'), []);
    assert.deepEqual(migrationFaults(['000001_a.sql', '000003_c.sql'], '000003_c'), []);
    assert.match(
      migrationFaults(['000001_a.sql', '000001_b.sql'], '000001_b')[0] ?? '',
      /000001_b\.sql has the number of/,
    );
    assert.match(migrationFaults(['1_a.sql'], '1_a')[0] ?? '', /not named like/);
    assert.match(migrationFaults(names, '000001_a')[0] ?? '', /generated for 000001_a/);
    assert.notDeepEqual(migrationFaults([], '000001_a'), []);
  });

  it('want a Pulumi CLI of the major version of the library, and not an older one', () => {
    assert.equal(judgeVersion('3.270.0', '3.270.0').outcome, 'pass');
    assert.equal(judgeVersion('3.300.1', '3.270.0').outcome, 'pass');
    assert.equal(judgeVersion('3.100.0', '3.270.0').outcome, 'warn');
    assert.equal(judgeVersion('4.0.0', '3.270.0').outcome, 'fail');
    assert.equal(judgeVersion('whatever', '3.270.0').outcome, 'warn');
  });

  it('destroy nothing protected, and no production stack without --really', () => {
    write('config:\n  aws:region: us-east-1\n');
    const settings = stackSettings('test', root);
    const guarded = { ...settings, protect: true };
    assert.doesNotThrow(() => requireMeant({ stack: 'test', yes: 'test' }, settings));
    assert.throws(() => requireMeant({ stack: 'test', yes: 'tset' }, settings), /must repeat/);
    assert.throws(() => requireMeant({ stack: 'prod', yes: 'prod' }, settings), /--really/);
    assert.throws(() => requireMeant({ stack: 'prod-eu', yes: 'prod-eu' }, settings), /--really/);
    assert.doesNotThrow(() => requireMeant({ stack: 'prod', yes: 'prod', really: true }, settings));
    assert.throws(() => requireMeant({ stack: 'test', yes: 'test' }, guarded), /--really/);
    assert.throws(
      () => requireMeant({ stack: 'test', yes: 'test', really: true }, guarded),
      /protect to false/,
    );
  });

  it("explain Pulumi's errors in one line with advice", () => {
    const explained = (text: string) => explainPulumi(new Error(text), 'dev').message;
    assert.match(explained('spawn pulumi ENOENT'), /not installed; see https/);
    assert.match(
      explained('code: 255\nstderr: error: PULUMI_ACCESS_TOKEN must be set for login'),
      /pulumi login/,
    );
    assert.match(
      explained('error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE'),
      /PULUMI_CONFIG_PASSPHRASE/,
    );
    assert.equal(
      explained('code: 255\nstdout: \nstderr: error: it is Monday\n\nerr?: x'),
      'Pulumi: it is Monday',
    );
  });

  it("explain AWS's errors without repeating credentials", () => {
    const named = (name: string, message: string) => Object.assign(new Error(message), { name });
    const explained = (error: unknown) => explainAwsError(error, 'look').message;
    assert.match(
      explained(named('CredentialsProviderError', 'x')),
      /no AWS credentials found; run aws configure/,
    );
    assert.match(explained(named('ExpiredTokenException', 'x')), /expired/);
    assert.match(explained(named('AccessDeniedException', 'no')), /may not look: no/);
    assert.match(
      explained(Object.assign(new Error('x'), { code: 'ENOTFOUND' })),
      /does not answer \(ENOTFOUND\)/,
    );
  });

  it('name a resource shortly', () => {
    assert.equal(
      shortName('urn:pulumi:dev::logline::logline:infra:Database$aws:rds/instance:Instance::database'),
      'rds/instance database',
    );
  });

  it('know every function by its alias and by its name', () => {
    assert.deepEqual(selectionOf('worker'), { functions: ['request_worker'], job: undefined });
    assert.deepEqual(selectionOf('request-worker').functions, ['request_worker']);
    assert.deepEqual(selectionOf('midnight'), { functions: ['run_code'], job: 'midnight_ruler' });
    // Stage-0 and the migrator besides.
    assert.equal(selectionOf('all').functions.length, KERNEL_NAMES.length + 2);
    assert.throws(() => selectionOf('nobody'), /there are all, stage0/);
  });
});

describe('merging logs', () => {
  async function* log(source: string, ...times: number[]): AsyncGenerator<LogEntry> {
    for (const atMs of times) yield { atMs, source, text: '' };
  }
  const collect = async (stream: AsyncIterable<LogEntry>) => {
    const found: string[] = [];
    for await (const { source, atMs } of stream) found.push(`${source}${atMs}`);
    return found;
  };

  it('by time puts entries of all in one order', async () => {
    assert.deepEqual(await collect(mergeByTime([log('a', 1, 4, 5), log('b', 2, 3, 6), log('c')])), [
      'a1',
      'b2',
      'b3',
      'a4',
      'a5',
      'b6',
    ]);
  });

  it('as they come waits for none, and loses none', async () => {
    const silent = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) };
    const merged = mergeAsTheyCome([silent, log('a', 1, 2)]);
    assert.equal((await merged.next()).value?.atMs, 1);
    assert.equal((await merged.next()).value?.atMs, 2);
    const all = await collect(mergeAsTheyCome([log('a', 1, 2), log('b', 1, 2)]));
    assert.deepEqual(all.sort(), ['a1', 'a2', 'b1', 'b2']);
  });
});

import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { keyFileText } from '../../local/key-file';
import { SYSTEM } from '../../runtime/base/identity';
import type { SignedSpan } from '../../runtime/base/span';
import { generateSigningKey, signingKeyFromHex } from '../../runtime/crypto';
import { Database } from '../../runtime/db/pool';
import { KERNEL_MANIFEST_ID } from '../../runtime/kernels/stable-ids';
import { KeyRing } from '../../runtime/ledger/keys/key-ring';
import { readLatest } from '../../runtime/ledger/span-reader';
import { SpanWriter } from '../../runtime/ledger/span-writer';
import {
  cleanUp,
  type Ended,
  outputOf,
  runCommand,
  startCommand,
  temporaryFolder,
} from '../support/local-run';
import { withClient } from '../support/sql-session';
import { createEmptyDatabase, type TestDatabase, testPasswords } from '../support/test-database';

const STACK_TRACE = /^\s+at .+:\d+:\d+\)?$/m;

describe('commands beside a database of one’s own', function () {
  this.timeout(60_000);
  let data: string;
  let database: TestDatabase;
  let app: Database;

  before(async () => {
    database = await createEmptyDatabase();
    app = new Database({ connectionString: database.appUrl, poolSize: 2 });
    data = await temporaryFolder();
    // The roles belong to the whole test server, so their passwords have to be those in use.
    const passwords = { superuser: 'unused', owner: 'unused', ...testPasswords() };
    const keys = { ring: new KeyRing([generateSigningKey()]), passwords };
    await writeFile(path.join(data, 'keys.json'), keyFileText(keys), { mode: 0o600 });
  });

  after(async () => {
    await app.close();
    await database.drop();
    await cleanUp(data);
  });

  function logline(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
    return runCommand(args, { env: { LOGLINE_DATA: data, DATABASE_URL: database.adminUrl, ...env } });
  }

  async function succeed(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await logline(args);
    assert.equal(code, 0, stdout + stderr);
    assert.equal(stderr, '');
    return stdout;
  }

  async function manifest(): Promise<SignedSpan> {
    const span = await readLatest(app, SYSTEM, KERNEL_MANIFEST_ID);
    assert.ok(span);
    return span;
  }

  async function keyFile() {
    return JSON.parse(await readFile(path.join(data, 'keys.json'), 'utf8'));
  }

  /** The operator's own version of the manifest, signed by the key that signs now. */
  async function changeManifest(limit: number): Promise<void> {
    const { at: _at, prev_hash, curr_hash, signature, public_key, seq, ...same } = await manifest();
    const key = signingKeyFromHex((await keyFile()).signing_key.seed_hex);
    const writer = new SpanWriter({ database: app, signingKey: () => key });
    const metadata = { ...(same.metadata as object), throttle: { per_tenant_daily_exec_limit: limit } };
    await writer.append(SYSTEM, [{ ...same, seq: seq + 1, did: 'changed', metadata }]);
  }

  it('an empty database: status says to migrate, migrate --status lists what is pending', async () => {
    const status = await logline(['status']);
    assert.equal(status.code, 1);
    assert.match(
      status.stderr,
      /^logline: the database at .* holds no ledger yet; run: npx logline migrate\n$/,
    );
    const migrations = await logline(['migrate', '--status']);
    assert.equal(migrations.code, 1);
    assert.match(migrations.stdout, /^000001_roles_and_schemas +pending$/m);
  });

  it('migrate applies pending migrations, once', async () => {
    assert.match(await succeed('migrate'), /^applied 000001_roles_and_schemas\napplied 000002_/);
    assert.equal(await succeed('migrate'), 'every migration is applied\n');
    assert.doesNotMatch(await succeed('migrate', '--status'), /pending/);
    assert.equal(JSON.parse(await succeed('migrate', '--status', '--json')).up_to_date, true);
  });

  it('seed appends missing seeds, once, with the key history', async () => {
    const first = await succeed('seed');
    assert.match(first, /^introduced instance key [0-9a-f]{16}\n/);
    assert.match(first, /^seeded kernel_manifest$/m);
    assert.equal(await succeed('seed'), 'every seed is in place\n');
  });

  it('status prints one JSON object', async () => {
    const report = JSON.parse(await succeed('status', '--json'));
    assert.equal(report.executions.limit, 1000);
  });

  it('status --watch runs until it is stopped', async () => {
    const command = startCommand(['status', '--watch', '--json'], {
      env: { LOGLINE_DATA: data, DATABASE_URL: database.adminUrl },
    });
    await outputOf(command, '\n{');
    command.child.kill('SIGINT');
    const { code, stdout, stderr } = await command.ended;
    assert.deepEqual([code, stderr], [0, '']);
    for (const line of stdout.trim().split('\n')) assert.equal(typeof JSON.parse(line).at, 'string');
  });

  it('a migration that was edited after it was applied is reported, with exit code 1', async () => {
    const owner = new Database({ connectionString: database.adminUrl, poolSize: 1 });
    await owner.pool.query(
      "UPDATE app.migration_checksum SET sha256 = 'x' || sha256 WHERE name LIKE '000003%'",
    );
    const { code, stdout } = await logline(['migrate', '--status']);
    assert.equal(code, 1);
    assert.match(stdout, /^000003_append_only +edited after it was applied$/m);
    const migrated = await logline(['migrate']);
    assert.equal(migrated.code, 1);
    assert.match(
      migrated.stderr,
      /^logline: sql\/000003_append_only\.sql was edited after it was applied\. /,
    );
    await owner.pool.query(
      'UPDATE app.migration_checksum SET sha256 = substr(sha256, 2) WHERE name LIKE $1',
      ['000003%'],
    );
    await owner.close();
  });

  it('keys rotate works without a running ledger, and keeps keys.json to its owner', async () => {
    const before = (await keyFile()).signing_key.public_key_hex;
    const rotated = JSON.parse(await succeed('keys', 'rotate', '--json'));
    assert.equal(rotated.replaced_public_key, before);
    const file = await keyFile();
    assert.equal(file.signing_key.public_key_hex, rotated.public_key);
    assert.equal(file.earlier_signing_keys[0].public_key_hex, before);
    assert.equal(file.next_signing_key, undefined);
    assert.equal((await stat(path.join(data, 'keys.json'))).mode & 0o777, 0o600);
  });

  it('keys rotate finishes a rotation that was interrupted, with the same new key', async () => {
    const file = await keyFile();
    const next = generateSigningKey();
    const entry = { seed_hex: next.secretKeyHex(), public_key_hex: next.publicKeyHex };
    await writeFile(path.join(data, 'keys.json'), JSON.stringify({ ...file, next_signing_key: entry }));
    assert.match(
      await succeed('keys', 'show'),
      new RegExp(`A rotation to ${next.publicKeyHex} was interrupted`),
    );
    assert.equal(JSON.parse(await succeed('keys', 'rotate', '--json')).public_key, next.publicKeyHex);
  });

  it('two rotations at the same time happen one after the other', async () => {
    const before = (await keyFile()).earlier_signing_keys.length;
    const ended = await Promise.all([logline(['keys', 'rotate']), logline(['keys', 'rotate'])]);
    assert.deepEqual(
      ended.map(({ code }) => code),
      [0, 0],
    );
    assert.equal((await keyFile()).earlier_signing_keys.length, before + 2);
  });

  it('revoking the key that signs puts a new one in its place first', async () => {
    const before = (await keyFile()).signing_key.public_key_hex;
    const printed = await succeed(
      'keys',
      'revoke',
      '--public-key',
      before.slice(0, 16),
      '--since',
      '2026-01-01',
    );
    assert.match(printed, new RegExp(`^revoked +${before} .*, from 2026-01-01T00:00:00\\.000Z$`, 'm'));
    const file = await keyFile();
    assert.notEqual(file.signing_key.public_key_hex, before);
    assert.deepEqual(file.revoked_keys, [{ public_key_hex: before, from: '2026-01-01T00:00:00.000Z' }]);
  });

  it('revoking a key that signed the manifest restores the first settings, and reports it', async () => {
    await changeManifest(5);
    const signer = (await manifest()).public_key;
    const { seq } = await manifest();
    const printed = await succeed('keys', 'revoke', '--public-key', signer);
    assert.match(printed, new RegExp(`kernel_manifest has its first settings again: your version ${seq} `));
    assert.equal(JSON.parse(await succeed('status', '--json')).executions.limit, 1000);
  });

  it('revoking with --keep-manifest signs the operator’s own manifest again', async () => {
    await changeManifest(6);
    const signer = (await manifest()).public_key;
    const printed = await succeed('keys', 'revoke', '--public-key', signer, '--keep-manifest');
    assert.doesNotMatch(printed, /first settings again/);
    assert.notEqual((await manifest()).public_key, signer);
    assert.equal(JSON.parse(await succeed('status', '--json')).executions.limit, 6);
  });

  it('log resume resumes a stopped log, once, and prints the reason of the stop', async () => {
    await withClient(database.superuserUrl, (client) =>
      client.query(`
        INSERT INTO ledger.log (log_no, tenant_id, origin) VALUES (1, 'a+b c', 'test/x');
        INSERT INTO app.log_head (log_no, size, frontier, stopped_at, stop_reason)
        VALUES (1, 0, '', now(), 'position 7: hash')`),
    );
    const resumed = JSON.parse(await succeed('log', 'resume', '--tenant', 'a+b c', '--json'));
    assert.deepEqual([resumed.reason, resumed.size, resumed.waiting], ['position 7: hash', 0, 0]);
    const again = await logline(['log', 'resume', '--tenant', 'a+b c']);
    assert.deepEqual([again.code, again.stderr], [1, 'logline: the log of tenant a+b c is not stopped\n']);
  });

  it('export needs a ledger that runs', async () => {
    const { code, stderr } = await logline([
      'export',
      '--tenant',
      'acme',
      '--out',
      path.join(data, 'x.ndjson'),
    ]);
    assert.equal(code, 2);
    assert.match(stderr, /^logline: no LogLine runs here/);
  });

  for (const { args, env, code, message } of [
    { args: ['keys'], code: 2, message: /Usage: logline keys/ },
    { args: ['keys', 'turn'], code: 2, message: /unknown command 'turn'/ },
    { args: ['keys', 'revoke'], code: 2, message: /--public-key/ },
    { args: ['keys', 'revoke', '--public-key', 'abc'], code: 2, message: /must be 64 hexadecimal digits/ },
    {
      args: ['keys', 'revoke', '--public-key', 'ab'.repeat(32)],
      code: 2,
      message: /no key of this instance is/,
    },
    {
      args: ['keys', 'revoke', '--public-key', 'ab'.repeat(32), '--since', 'x'],
      code: 2,
      message: /--since must/,
    },
    { args: ['keys', 'show', '--url', 'http://127.0.0.1:1'], code: 1, message: /cannot reach/ },
    ...['status', 'seed', 'migrate', 'keys rotate'].flatMap((command) => [
      {
        args: command.split(' '),
        env: { DATABASE_URL: 'postgres://u:geheim@127.0.0.1:1/d' },
        code: 1,
        message: /the database at 127\.0\.0\.1:1\/d does not answer \(ECONNREFUSED\); is it running\?/,
      },
      {
        args: command.split(' '),
        env: { DATABASE_URL: 'geheim' },
        code: 2,
        message: /DATABASE_URL is not usable/,
      },
      { args: command.split(' '), env: { DATABASE_URL: '' }, code: 1, message: /no LogLine runs on/ },
    ]),
    { args: ['status', '--json', 'now'], code: 2, message: /too many arguments/ },
    { args: ['import'], code: 2, message: /missing required argument 'file'/ },
    { args: ['export', '--tenant', 'a'], code: 2, message: /--out/ },
  ]) {
    const where = env === undefined ? '' : ` with DATABASE_URL="${env.DATABASE_URL}"`;
    it(`answers "${args.join(' ')}"${where} plainly, with exit code ${code}`, async () => {
      const ended = await logline(args, env);
      assert.equal(ended.code, code, ended.stdout + ended.stderr);
      assert.match(ended.stderr, message);
      assert.doesNotMatch(ended.stderr, STACK_TRACE);
      assert.ok(!(ended.stdout + ended.stderr).includes('geheim'), 'a password');
      if (args.length > 1) assert.ok(ended.stderr.trim().split('\n').length <= 2, ended.stderr);
    });
  }

  it('a wrong password of logline_app is reported in one line', async () => {
    const other = await temporaryFolder();
    const passwords = { superuser: 'unused', owner: 'unused', ...testPasswords(), app: 'wrong' };
    await writeFile(
      path.join(other, 'keys.json'),
      keyFileText({ ring: new KeyRing([generateSigningKey()]), passwords }),
      { mode: 0o600 },
    );
    const { code, stderr } = await logline(['status'], { LOGLINE_DATA: other });
    await cleanUp(other);
    assert.equal(code, 1);
    assert.match(stderr, /^logline: the database at .* refuses the password; .*\n$/);
  });
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { ensureLedgerDatabase } from '../../local/ledger-database';
import type { PostgresServer } from '../../local/postgres';
import { startThrowawayPostgres } from '../../local/throwaway-postgres';
import { signingKeyFromHex } from '../../runtime/crypto';
import { createMigratorHandler, type MigratorEvent } from '../../runtime/lambda/migrator';
import { AwsStandIn, type StoredSecret } from '../artifact/aws-stand-in';

const arnOf = (name: string) => `arn:aws:secretsmanager:us-east-1:123456789012:secret:${name}`;
const MADE = ['app', 'kernel', 'guest', 'signing-key'];
const DAY_MS = 86_400_000;
/** Time for every function to read the next key: five minutes that it remembers keys, and one that an event may last. */
const SETTLE_MS = 360_000;

describe('a rotation by schedule, on a clock of the test', function () {
  this.timeout(120_000);
  let server: PostgresServer;
  let aws: AwsStandIn;
  const secrets = new Map<string, StoredSecret>();
  const environmentBefore = { ...process.env };
  /** The clock: what it says, how long it was waited for, and what happens meanwhile. */
  let nowMs = Date.now();
  let waitedMs: number[] = [];
  let meanwhile: () => Promise<void>;

  const handler = createMigratorHandler({
    now: () => new Date(nowMs),
    pause: async (ms) => {
      waitedMs.push(ms);
      await meanwhile();
      nowMs += ms;
    },
  });
  const look = (days: Partial<MigratorEvent>) =>
    handler({ trigger: 'schedule', change: 'rotate_due', ...days });
  const secret = (name: string) => secrets.get(arnOf(name)) ?? assert.fail(`no secret ${name}`);
  const textsOf = (name: string): Record<string, string> => JSON.parse(secret(name).AWSCURRENT ?? '{}');
  const publicKeyOf = (seed = '') => signingKeyFromHex(seed).publicKeyHex;
  const sql = async (text: string): Promise<Record<string, unknown>[]> => {
    const client = new Client({ connectionString: server.superuserUrl('logline') });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  };
  /** Public keys that the ledger introduces. */
  const introduced = async () =>
    (await sql("SELECT DISTINCT this FROM ledger.universal_registry WHERE entity_type = 'instance_key'")).map(
      (row) => row.this,
    );

  before(async () => {
    server = await startThrowawayPostgres();
    const password = randomBytes(16).toString('hex');
    await ensureLedgerDatabase(server.superuserUrl('postgres'), password, 'logline');
    for (const name of MADE) secrets.set(arnOf(name), { versions: new Map() });
    const master = JSON.stringify({ username: 'logline_owner', password });
    secrets.set(arnOf('master'), { AWSCURRENT: master, versions: new Map() });
    const all = [...secrets.keys()];
    const allowed = new Map([
      ['secretsmanager:GetSecretValue', all],
      ['secretsmanager:PutSecretValue', all],
    ]);
    const migrator = {
      functionName: 'migrator',
      taskRoot: '',
      optRoot: '',
      handler: '',
      environment: {},
      timeoutSeconds: 900,
      allowed,
    };
    aws = await AwsStandIn.start({
      secrets,
      packages: [migrator],
      invoke: async () => assert.fail('calls no function'),
    });
    Object.assign(process.env, {
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'migrator',
      AWS_SECRET_ACCESS_KEY: 'of-the-stand-in',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url,
      LOGLINE_LOG_LEVEL: 'silent',
      LOGLINE_STAGE: 'test',
      LOGLINE_DATABASE_HOST: '127.0.0.1',
      LOGLINE_DATABASE_PORT: String(server.port),
      LOGLINE_DATABASE_TLS: 'off',
      LOGLINE_DATABASE_NAME: 'logline',
      LOGLINE_DATABASE_SECRET_ARN: arnOf('app'),
      LOGLINE_ROLE_SECRET_ARNS: JSON.stringify({ kernel: arnOf('kernel'), guest: arnOf('guest') }),
      LOGLINE_SIGNING_KEY_SECRET_ARN: arnOf('signing-key'),
      LOGLINE_MASTER_SECRET_ARN: arnOf('master'),
    });
    await handler({ trigger: 'deployment' });
  });
  beforeEach(() => {
    waitedMs = [];
    meanwhile = async () => undefined;
    secret('signing-key').createdAt = new Date(nowMs - 91 * DAY_MS);
  });
  after(async () => {
    for (const name of Object.keys(process.env))
      if (environmentBefore[name] === undefined) delete process.env[name];
    Object.assign(process.env, environmentBefore);
    await aws?.close();
    await server?.stop();
  });

  it('introduces the next key, waits until every function has read it, and only then signs with it', async () => {
    const { seed_hex: before } = textsOf('signing-key');
    let next: string | undefined;
    meanwhile = async () => {
      const { seed_hex, next_seed_hex } = textsOf('signing-key');
      next = next_seed_hex;
      assert.equal(seed_hex, before, 'the old key signs meanwhile');
      assert.ok((await introduced()).includes(publicKeyOf(next)), 'the next key is in the ledger');
    };
    const { public_key } = await look({ keys_days: 90 });
    assert.deepEqual(
      waitedMs.map((ms) => ms >= SETTLE_MS && ms < SETTLE_MS + 5_000),
      [true],
    );
    const { seed_hex, next_seed_hex, previous_seeds_hex } = textsOf('signing-key');
    assert.deepEqual([seed_hex, next_seed_hex, previous_seeds_hex], [next, undefined, before]);
    assert.equal(public_key, publicKeyOf(next));
  });

  it('promotes no key while a restore of the database is pending, and resumes after it', async () => {
    const { seed_hex: before } = textsOf('signing-key');
    meanwhile = async () => {
      await sql(
        "INSERT INTO app.restore_needed (is_ahead, survived_tx_id, survived_ordinal) VALUES (false, '1', 1)",
      );
    };
    await look({ keys_days: 90 });
    const announced = textsOf('signing-key');
    assert.equal(announced.seed_hex, before);
    assert.notEqual(announced.next_seed_hex, undefined);
    for (const change of ['promote_key', 'announce_key'] as const)
      await assert.rejects(
        handler({ trigger: 'operator', change }),
        /database was put back.*npx logline restore/,
      );
    await look({ keys_days: 90 });
    assert.deepEqual(textsOf('signing-key'), announced, 'the next day finds it still pending');

    await sql('DELETE FROM app.restore_needed');
    waitedMs = [];
    await look({ keys_days: 90 });
    assert.equal(textsOf('signing-key').seed_hex, announced.next_seed_hex);
    assert.deepEqual(waitedMs, [], 'functions have read it long ago');
  });

  it('rotates no password that it cannot set in the database', async () => {
    const passwords = () => ['app', 'kernel', 'guest'].map((name) => textsOf(name).password);
    const before = passwords();
    const master = secret('master').AWSCURRENT ?? '';
    secret('master').AWSCURRENT = JSON.stringify({ username: 'logline_owner', password: 'another' });
    await assert.rejects(handler({ trigger: 'operator', change: 'rotate_passwords' }));
    for (const name of ['app', 'kernel', 'guest']) secret(name).createdAt = new Date(nowMs - 31 * DAY_MS);
    await assert.rejects(look({ passwords_days: 30 }));
    assert.deepEqual(passwords(), before);
    secret('master').AWSCURRENT = master;
    await look({ passwords_days: 30 });
    for (const [index, password] of passwords().entries()) assert.notEqual(password, before[index]);
  });
});

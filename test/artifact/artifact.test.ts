import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import { mintToken, type Scope } from '../../runtime/auth';
import { ed25519, signingKeyFromHex } from '../../runtime/crypto';
import { verifySpan } from '../../runtime/ledger/span-signature';
import { verifierKeyOf } from '../../runtime/proofs/checkpoint-keys';
import { openCheckpoint, witnessesOf } from '../../runtime/proofs/span-proof';
import { inSequence } from '../infra/in-sequence';
import { at, listOf, recordOf } from '../infra/subject';
import { appendLargeSpans, assertWalked } from '../support/large-spans';
import { TestWitness } from '../support/test-witness';
import { until } from '../support/until';
import { Cloud, secretMember, secretNamed } from './cloud';
import { httpEvent, scheduleInput, tickBatch } from './events';
import { startGateway } from './gateway';

const MIDNIGHT_RULER = '00000000-0000-4000-8000-000000000006';
const RUN_CODE = '00000000-0000-4000-8000-000000000001';

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

describe('what is deployed', function () {
  this.timeout(180_000);
  inSequence();
  let cloud: Cloud;
  let token: string;

  before(async () => {
    cloud = await Cloud.start();
  });
  after(() => cloud?.stop());

  function tokenFor(sub: string, tenant: string, scope: Scope[]): Promise<string> {
    const key = signingKeyFromHex(secretMember(cloud.secrets, 'signing-key', 'seed_hex'));
    return mintToken(key, { sub, tenant, scope, ttlSeconds: 3_600 });
  }

  async function call(
    method: string,
    path: string,
    options: Parameters<typeof httpEvent>[2] = {},
  ): Promise<Answer> {
    const { failed, payload } = await cloud.invoke('stage0', httpEvent(method, path, { token, ...options }));
    assert.equal(failed, false, JSON.stringify(payload));
    const text = at(payload, 'body');
    return { status: Number(at(payload, 'statusCode')), body: recordOf(JSON.parse(String(text))) };
  }

  async function timeline(query: string): Promise<Record<string, unknown>[]> {
    const { status, body } = await call('GET', '/api/timeline', { query });
    assert.equal(status, 200, JSON.stringify(body));
    return listOf(body.spans).map(recordOf);
  }

  /** Ends every session of the functions and waits until Stage-0 has reconnected; a call on a dead session gets 503. */
  async function reconnected(when: string): Promise<void> {
    await cloud.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'logline_app'`);
    await until(`Stage-0 is connected again, ${when}`, async () => {
      const { status } = await call('GET', '/api/health');
      assert.ok(status === 200 || status === 503, String(status));
      return status === 200;
    });
  }

  describe('before the first migration', () => {
    it('answers health with 503, not with a crash', async () => {
      const { status } = await call('GET', '/api/health');
      assert.equal(status, 503);
    });
  });

  describe('the migrator', () => {
    it('brings schema and seeds into an empty database, as an owner who is no superuser', async () => {
      const { failed, payload } = await cloud.invoke('migrator', { trigger: 'deployment' });
      assert.equal(failed, false, JSON.stringify(payload));
      assert.deepEqual(listOf(at(payload, 'secrets')), [
        'password of app',
        'password of kernel',
        'password of guest',
        'password of sealer',
        'password of auditor',
        'instance key',
        'checkpoint key',
      ]);
      assert.ok(listOf(at(payload, 'migrations')).length >= 10);
      assert.ok(listOf(at(payload, 'seeds')).length >= 7);
      const rows = await cloud.sql('SELECT name, signature FROM ledger.universal_registry');
      for (const name of listOf(at(payload, 'seeds'))) {
        assert.ok(
          rows.some((row) => row.name === name && row.signature !== null),
          `${name} is not signed and there`,
        );
      }
    });

    it('makes every password and key inside Secrets Manager, and answers none of them', async () => {
      const made = ['app', 'kernel', 'guest', 'signing-key'].map((name) => secretNamed(cloud.secrets, name));
      assert.ok(made.every(({ versions, AWSCURRENT }) => versions.size === 1 && AWSCURRENT));
      assert.match(secretMember(cloud.secrets, 'signing-key', 'seed_hex'), /^[0-9a-f]{64}$/);
      assert.notEqual(
        secretMember(cloud.secrets, 'app', 'password'),
        secretMember(cloud.secrets, 'guest', 'password'),
      );
      token = await tokenFor('ada', 'acme', ['spans:write', 'timeline:read', 'execute', 'admin']);
    });

    it('does nothing when it runs again, and leaves every secret as it is', async () => {
      const before = JSON.stringify([...cloud.secrets]);
      for (const _ of ['warm', 'cold']) {
        const { payload } = await cloud.invoke('migrator', { trigger: 'deployment' });
        const { public_key, ...done } = recordOf(payload);
        assert.match(String(public_key), /^[0-9a-f]{64}$/);
        assert.deepEqual(Object.values(done).flat(), [], JSON.stringify(payload));
        await cloud.cool('migrator');
      }
      assert.equal(JSON.stringify([...cloud.secrets]), before);
    });

    it('fails with the reason when a migration was edited after it landed', async () => {
      const [first] = await cloud.sql(
        'SELECT name, sha256 FROM app.migration_checksum ORDER BY name LIMIT 1',
      );
      await cloud.sql(`UPDATE app.migration_checksum SET sha256 = 'other' WHERE name = $1`, [first?.name]);
      const { failed, payload } = await cloud.invoke('migrator', { trigger: 'deployment' });
      await cloud.sql('UPDATE app.migration_checksum SET sha256 = $2 WHERE name = $1', [
        first?.name,
        first?.sha256,
      ]);
      assert.equal(failed, true);
      assert.match(String(at(payload, 'errorMessage')), /000001_.*was edited after it was applied/);
    });
  });

  describe('Stage-0', () => {
    let id: string;

    it('is healthy', async () => {
      const { status, body } = await call('GET', '/api/health');
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.status, 'ok');
    });

    it('takes a span and signs it with the instance key', async () => {
      const { status, body } = await call('POST', '/api/spans', {
        body: { entity_type: 'note', who: 'ada', this: 'hello', visibility: 'tenant' },
      });
      assert.equal(status, 201, JSON.stringify(body));
      const span = recordOf(body.span);
      id = String(span.id);
      const seed = secretMember(cloud.secrets, 'signing-key', 'seed_hex');
      assert.equal(span.public_key, signingKeyFromHex(seed).publicKeyHex);
      assert.equal(span.tenant_id, 'acme');
    });

    it('lists it, reads it, and hides it from strangers', async () => {
      assert.deepEqual(
        (await timeline('entity_type=note')).map((span) => span.id),
        [id],
      );
      assert.equal((await call('GET', `/api/spans/${id}`)).status, 200);
      const stranger = await tokenFor('ada', 'other', ['timeline:read']);
      assert.equal((await call('GET', `/api/spans/${id}`, { token: stranger })).status, 404);
    });

    it('serves the manifest and its own description', async () => {
      const manifest = await call('GET', '/api/manifest/kernel_manifest');
      assert.equal(manifest.status, 200, JSON.stringify(manifest.body));
      const openapi = await call('GET', '/openapi.json');
      assert.equal(at(openapi.body, 'openapi'), '3.1.0');
    });

    it('refuses without a token, and explains every fault', async () => {
      const refused = await cloud.invoke('stage0', httpEvent('POST', '/api/spans', { body: {} }));
      assert.equal(at(refused.payload, 'statusCode'), 401);
      const { status, body } = await call('POST', '/api/spans', { body: { who: 1, unknown: true } });
      assert.equal(status, 400);
      assert.ok(listOf(body.errors).length >= 3, JSON.stringify(body));
    });

    it('takes a gzipped body, and gzips its answer for who accepts that', async () => {
      const drafts = Array.from({ length: 20 }, () => ({ entity_type: 'packed', who: 'alice', this: 'x' }));
      const sent = await cloud.invoke(
        'stage0',
        httpEvent('POST', '/api/spans', {
          token,
          body: gzipSync(JSON.stringify(drafts)),
          headers: { 'content-encoding': 'gzip', 'accept-encoding': 'gzip' },
        }),
      );
      assert.equal(at(sent.payload, 'statusCode'), 201, JSON.stringify(sent.payload));
      assert.equal(at(sent.payload, 'isBase64Encoded'), true);
      assert.equal(at(at(sent.payload, 'headers'), 'content-encoding'), 'gzip');
      const packed = Buffer.from(String(at(sent.payload, 'body')), 'base64');
      assert.equal(recordOf(JSON.parse(gunzipSync(packed).toString())).count, 20);
      const broken = httpEvent('POST', '/api/spans', {
        token,
        body: gzipSync('{}').subarray(0, -8),
        headers: { 'content-encoding': 'gzip' },
      });
      assert.equal(at((await cloud.invoke('stage0', broken)).payload, 'statusCode'), 400);
    });

    it('signs so that anyone can check it from the JSON alone', async () => {
      const { body } = await call('GET', `/api/spans/${id}`);
      const span = recordOf(body.span);
      assert.equal(verifySpan(span).ok, true);
      assert.equal(verifySpan({ ...span, this: 'changed' }).ok, false);
    });
  });

  describe('execution', () => {
    it('goes from Stage-0 to run_code, in a sandbox, and back', async () => {
      const created = await call('POST', '/api/spans', {
        body: {
          entity_type: 'function',
          who: 'ada',
          this: 'double',
          name: 'double',
          language: 'javascript',
          runtime: 'quickjs',
          code: 'async function main(ctx, input) { return { doubled: input.n * 2, env: typeof process }; }',
        },
      });
      assert.equal(created.status, 201, JSON.stringify(created.body));
      const functionId = String(at(created.body, 'span.id'));
      const { status, body } = await call('POST', `/api/execute/${functionId}`, {
        body: { input: { n: 21 } },
      });
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(body.result, { doubled: 42, env: 'undefined' });
      assert.equal(at(body, 'execution.entity_type'), 'execution');
    });

    it('happens by schedule: observer_bot finds it, request_worker runs it', async () => {
      const created = await call('POST', '/api/spans', {
        body: {
          entity_type: 'function',
          who: 'ada',
          this: 'tick',
          name: 'tick',
          status: 'scheduled',
          language: 'javascript',
          code: 'async function main() { return { ticked: true }; }',
        },
      });
      assert.equal(created.status, 201, JSON.stringify(created.body));
      for (const kernel of ['observer-bot', 'request-worker']) {
        const { failed, payload } = await cloud.invoke(kernel, tickBatch(cloud.run, kernel));
        assert.equal(failed, false, JSON.stringify(payload));
        assert.deepEqual(payload, { batchItemFailures: [] });
      }
      const executions = await timeline('entity_type=execution');
      assert.ok(
        executions.some((span) => JSON.stringify(span.output) === '{"ticked":true}'),
        JSON.stringify(executions),
      );
    });

    it('reacts to policies', async () => {
      const { failed, payload } = await cloud.invoke('policy-agent', tickBatch(cloud.run, 'policy-agent'));
      assert.equal(failed, false, JSON.stringify(payload));
      assert.deepEqual(payload, { batchItemFailures: [] });
    });
  });

  describe('a stack with readers', () => {
    const readingFunction = async (): Promise<unknown> => {
      const { body } = await call('POST', '/api/spans', {
        body: {
          entity_type: 'function',
          who: 'ada',
          this: 'reads itself',
          name: 'reads itself',
          code: "async function main(ctx) { return (await ctx.sql`SELECT count(*)::int AS n FROM ledger.visible_timeline WHERE name = 'reads itself'`).rows[0].n > 0; }",
        },
      });
      const ran = await call('POST', `/api/execute/${String(at(body, 'span.id'))}`, { body: {} });
      assert.equal(ran.status, 200, JSON.stringify(ran.body));
      return ran.body.result;
    };

    for (const [what, name, read] of [
      ['Stage-0', 'stage0', () => timeline('limit=1')],
      ['SQL of user code', 'run-code', async () => assert.equal(await readingFunction(), true)],
    ] as const)
      it(`${what} reads from the reader endpoint, and from the writer when that does not answer`, async () => {
        let connections = 0;
        const reader = createServer((socket) => {
          connections += 1;
          socket.on('error', () => socket.destroy());
          const server = connect(cloud.databasePort, '127.0.0.1').on('error', () => socket.destroy());
          socket.pipe(server).pipe(socket);
        });
        // Same port as the writer, as in a cluster; the addresses differ.
        reader.listen(cloud.databasePort, '127.0.0.2');
        await once(reader, 'listening');
        cloud.environment.LOGLINE_DATABASE_READ_HOST = '127.0.0.2';
        await cloud.cool(name);
        try {
          await read();
          assert.ok(connections > 0, 'the reader was asked');
        } finally {
          reader.close();
        }
        await cloud.cool(name);
        await read();
        delete cloud.environment.LOGLINE_DATABASE_READ_HOST;
        await cloud.cool(name);
      });
  });

  describe('a stack behind its distribution', () => {
    it('answers calls that came through it, and refuses whoever calls the API itself', async () => {
      // Any secret that the role may read.
      const [arn, { AWSCURRENT: value = '' }] =
        [...cloud.secrets].find(([name]) => name.endsWith('secrets-app')) ?? assert.fail('no secret');
      cloud.environment.LOGLINE_EDGE_SECRET_ARN = arn;
      await cloud.cool('stage0');
      const around = await call('GET', '/api/health');
      assert.deepEqual([around.status, around.body.type], [403, 'urn:logline:problem:forbidden']);
      const through = await call('GET', '/api/health', { headers: { 'x-logline-edge': value } });
      assert.equal(through.status, 200);
      delete cloud.environment.LOGLINE_EDGE_SECRET_ARN;
      await cloud.cool('stage0');
    });
  });

  describe('the sealer', () => {
    const tick = () => cloud.invoke('sealer', tickBatch(cloud.run, 'sealer'));
    const feed = (rest = '') => call('GET', '/api/timeline', { query: `order=feed&limit=1000${rest}` });
    const guardName = () =>
      [...cloud.aws.s3.objects.keys()].find((key) => key.endsWith('/guard/record.json')) ?? '';
    let id: string;
    let cursor: unknown;

    it('seals and audits what was written, keeps a checkpoint of the day, and sends no tick back', async () => {
      const { body } = await call('POST', '/api/spans', {
        body: { entity_type: 'note', who: 'ada', this: 'to be sealed', visibility: 'tenant' },
      });
      id = String(at(body, 'span.id'));
      assert.equal((await call('GET', `/api/spans/${id}/proof`)).status, 202);
      const { failed, payload } = await tick();
      assert.equal(failed, false, JSON.stringify(payload));
      const report = recordOf(payload);
      assert.deepEqual([report.outcome, report.batchItemFailures], ['sealed', []]);
      assert.ok(Number(report.kept) >= 1);
      const [count] = await cloud.sql('SELECT count(*)::int AS n FROM ledger.universal_registry');
      // The checkpoints are spans themselves, sealed by the next tick.
      assert.equal(Number(report.sealed) + Number(report.kept), count?.n);
      assert.equal(report.audited, report.sealed);
      const [kept] = [...cloud.aws.s3.objects.keys()].filter((name) =>
        /\/checkpoints\/\d{4}-\d\d-\d\d\/acme\.checkpoint$/.test(name),
      );
      assert.match(cloud.aws.s3.objects.get(kept ?? '')?.at(-1)?.text ?? '', /^logline-[0-9a-f]{16}\/acme\n/);
    });

    it('takes no message that is not one of its ticks', async () => {
      const { failed, payload } = await cloud.invoke('sealer', tickBatch(cloud.run, 'observer-bot'));
      assert.equal(failed, true);
      assert.match(
        String(at(payload, 'errorMessage')),
        /sealer takes its own ticks alone, no event of observer_bot/,
      );
      assert.equal((await cloud.invoke('sealer', {})).failed, true);
    });

    it('goes on where it stopped, and keeps one checkpoint a day', async () => {
      const { payload } = await tick();
      assert.equal(at(payload, 'kept'), 0);
      await cloud.cool('sealer');
      assert.deepEqual(recordOf((await tick()).payload), {
        batchItemFailures: [],
        outcome: 'nothing',
        sealed: 0,
        audited: 0,
        kept: 0,
        cosigned: 0,
      });
    });

    it('makes spans provable: a proof as text, a tile as bytes through API Gateway', async () => {
      const proof = await cloud.invoke('stage0', httpEvent('GET', `/api/spans/${id}/proof`, { token }));
      assert.equal(at(proof.payload, 'isBase64Encoded'), false);
      assert.match(String(at(proof.payload, 'body')), /^c2sp\.org\/tlog-proof@v1\n/);
      const size = Number(String(at(proof.payload, 'body')).split('\n\n')[1]?.split('\n')[1]);
      const tile = await cloud.invoke(
        'stage0',
        httpEvent('GET', `/api/log/acme/tile/0/000.p/${size}`, { token }),
      );
      assert.equal(at(tile.payload, 'statusCode'), 200, JSON.stringify(tile.payload));
      assert.equal(at(tile.payload, 'isBase64Encoded'), true);
      const bytes = Buffer.from(String(at(tile.payload, 'body')), 'base64');
      assert.equal(bytes.length, 32 * size);
      const [stored] = await cloud.sql(
        `SELECT encode(e.curr_hash, 'hex') AS curr_hash FROM ledger.log_entry e JOIN ledger.log l USING (log_no)
          WHERE l.tenant_id = 'acme' AND e.id = $1`,
        [id],
      );
      const leaf = JSON.stringify({ curr_hash: stored?.curr_hash, id, seq: 0 });
      const hash = createHash('sha256').update('\0').update(leaf).digest();
      assert.ok(bytes.includes(hash), 'the tile holds the hash of the leaf');
    });

    it('asks witnesses for cosignatures once a minute, and seals whatever becomes of that', async () => {
      const checkpoint = async () =>
        String(
          at(
            (await cloud.invoke('stage0', httpEvent('GET', '/api/log/acme/checkpoint', { token }))).payload,
            'body',
          ),
        );
      const [origin = ''] = (await checkpoint()).split('\n');
      const { publicKeyHex } = signingKeyFromHex(secretMember(cloud.secrets, 'checkpoint-key', 'seed_hex'));
      const logKey = verifierKeyOf(publicKeyHex, origin);
      const witness = await TestWitness.start([logKey]);
      const round = async (): Promise<unknown> => {
        await call('POST', '/api/spans', { body: { entity_type: 'note', who: 'ada', this: 'witnessed' } });
        const { payload } = await tick();
        assert.equal(at(payload, 'outcome'), 'sealed');
        return at(payload, 'cosigned');
      };
      const aMinuteLater = () => cloud.sql("UPDATE app.seal_cursor SET pushed_at = '-infinity'");
      try {
        cloud.environment.LOGLINE_WITNESSES = witness.line;
        cloud.environment.LOGLINE_WITNESSED_TENANTS = 'acme';
        await cloud.cool('sealer');
        assert.equal(await round(), 1);
        const opened = await openCheckpoint(await checkpoint(), [logKey, witness.key], ed25519);
        assert.deepEqual(
          witnessesOf(opened).map(({ key }) => key.name),
          [witness.key.name],
        );
        // Another instance of the sealer, within the same minute.
        await cloud.cool('sealer');
        assert.equal(await round(), 0);
        await aMinuteLater();
        witness.isUnwell = true;
        assert.equal(await round(), 0);
        await aMinuteLater();
        witness.isUnwell = false;
        // This instance does not know what the witness has cosigned, and is told by a 409.
        assert.equal(await round(), 1);
        assert.deepEqual(witness.answers, [200, 500, 409, 200]);
      } finally {
        for (const name of ['LOGLINE_WITNESSES', 'LOGLINE_WITNESSED_TENANTS']) delete cloud.environment[name];
        await cloud.cool('sealer');
        await witness.close();
      }
    });

    it('signs nothing for a database that is older than what the guard knows, and feed and ticks stand still', async () => {
      await tick();
      ({ next_cursor: cursor } = (await feed()).body);
      const record = JSON.parse(cloud.aws.s3.text('guard/record.json') ?? '');
      cloud.aws.s3.put(guardName(), JSON.stringify({ ...record, batch: record.batch + 5 }));
      await call('POST', '/api/spans', {
        body: { entity_type: 'note', who: 'ada', this: 'after a restore' },
      });
      assert.equal(at((await tick()).payload, 'outcome'), 'restore_needed');
      const { body } = await call('GET', '/api/health');
      assert.deepEqual(listOf(body.codes).includes('restore_needed'), true, JSON.stringify(body));
      const end = await feed('&from=end');
      assert.deepEqual([end.status, end.body.type], [503, 'urn:logline:problem:restore_needed']);
      const batch = tickBatch(cloud.run, 'observer-bot');
      const { payload } = await cloud.invoke('observer-bot', batch);
      assert.equal(listOf(at(payload, 'batchItemFailures')).length, batch.Records.length);
    });

    it('goes on once the migrator was told of the restore: the feed in a new epoch, logs under another name', async () => {
      const { failed, payload } = await cloud.invoke('migrator', { trigger: 'operator', change: 'restore' });
      assert.equal(failed, false, JSON.stringify(payload));
      assert.deepEqual(at(payload, 'restored.ids_left'), 0);
      assert.deepEqual(at(payload, 'restored.lost.batches'), 5);
      assert.ok(Number(at(payload, 'restored.renamed_logs')) >= 1);
      const epochs = await cloud.sql('SELECT epoch, log_name FROM app.feed_epoch ORDER BY number');
      assert.equal(JSON.parse(cloud.aws.s3.text('guard/record.json') ?? '').epoch, epochs.at(-1)?.epoch);
      const [named] = await cloud.sql('SELECT origin FROM app.log_instance');
      const name = `${named?.origin}/${epochs.at(-1)?.log_name}`;
      assert.equal(at((await tick()).payload, 'outcome'), 'sealed');
      // Functions cache the feed's state for 5 s; a request for its end reads it again.
      await feed('&from=end');
      const { status, body } = await feed(`&cursor=${cursor}`);
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(
        listOf(body.spans).map((span) => at(span, 'this')),
        ['after a restore', `${name}/acme`],
      );
      const note = await cloud.invoke('stage0', httpEvent('GET', '/api/log/acme/checkpoint', { token }));
      assert.match(String(at(note.payload, 'body')), new RegExp(`^${name}/acme\n`));
      assert.deepEqual((await cloud.invoke('observer-bot', tickBatch(cloud.run, 'observer-bot'))).payload, {
        batchItemFailures: [],
      });
    });

    it('lets nobody append while stored transaction ids lie in the future, and moves the counter past them', async () => {
      const later = 'tx_id = (tx_id::text::bigint + 5000)::text::xid8';
      await cloud.sql('ALTER TABLE ledger.universal_registry DISABLE TRIGGER append_only');
      for (const table of [
        'ledger.universal_registry',
        'app.seal_cursor',
        'app.audit_cursor',
        'app.policy_cursor',
      ])
        await cloud.sql(`UPDATE ${table} SET ${later}`);
      await cloud.sql('ALTER TABLE ledger.universal_registry ENABLE ALWAYS TRIGGER append_only');
      await cloud.cool('stage0');
      const append = () =>
        call('POST', '/api/spans', { body: { entity_type: 'note', who: 'ada', this: 'of a later life' } });
      const { status, body } = await append();
      assert.deepEqual([status, body.type], [503, 'urn:logline:problem:restore_needed']);
      // A deployment meanwhile appends no seeds, which every cursor would miss.
      const deployed = await cloud.invoke('migrator', { trigger: 'deployment' });
      assert.deepEqual([at(deployed.payload, 'seeds'), at(deployed.payload, 'keys')], [[], []]);

      // A restore that stops after the move of the counter keeps that state.
      const restore = () => cloud.invoke('migrator', { trigger: 'operator', change: 'restore' });
      await cloud.sql('ALTER FUNCTION app.begin_feed_epoch RENAME TO begin_feed_epoch_away');
      assert.equal((await restore()).failed, true);
      await cloud.sql('ALTER FUNCTION app.begin_feed_epoch_away RENAME TO begin_feed_epoch');
      await cloud.cool('stage0');
      assert.equal((await append()).status, 503);

      const { failed, payload } = await restore();
      assert.equal(failed, false, JSON.stringify(payload));
      // Nothing that was signed is missing, so logs keep their names.
      assert.deepEqual(at(payload, 'restored'), {
        ids_left: 0,
        lost: { batches: 0, up_to_tx_id: at(payload, 'restored.lost.up_to_tx_id') },
        renamed_logs: 0,
      });
      await cloud.cool('stage0');
      assert.equal((await append()).status, 201);
      const [row] = await cloud.sql(
        `SELECT bool_and(r.tx_id > c.tx_id) AS is_behind FROM ledger.universal_registry r, app.seal_cursor c
          WHERE r.this = 'of a later life'`,
      );
      assert.equal(row?.is_behind, true);
      assert.equal(at((await tick()).payload, 'outcome'), 'sealed');
    });

    it('signs with a new key after a rotation inside AWS, and with the one before along with it', async () => {
      const before = secretMember(cloud.secrets, 'checkpoint-key', 'seed_hex');
      const { failed, payload } = await cloud.invoke('migrator', {
        trigger: 'operator',
        change: 'rotate_checkpoint_key',
      });
      assert.equal(failed, false);
      const after = secretMember(cloud.secrets, 'checkpoint-key', 'seed_hex');
      assert.deepEqual(at(payload, 'checkpoint_keys'), {
        public_key: signingKeyFromHex(after).publicKeyHex,
        replaced_public_key: signingKeyFromHex(before).publicKeyHex,
      });
      await cloud.cool('sealer');
      await call('POST', '/api/spans', { body: { entity_type: 'note', who: 'ada', this: 'a new key' } });
      assert.equal(at((await tick()).payload, 'outcome'), 'sealed');
      const note = await cloud.invoke('stage0', httpEvent('GET', '/api/log/acme/checkpoint', { token }));
      assert.equal(String(at(note.payload, 'body')).match(/^\u2014 /gm)?.length, 2);
    });
  });

  describe('a ledger of spans of 1 MB', () => {
    it('is walked by export and verify, page by page, through API Gateway', async () => {
      const bulky = await tokenFor('ada', 'bulky', ['spans:write', 'timeline:read']);
      const gateway = await startGateway(cloud);
      try {
        const ids = await appendLargeSpans(gateway.url, bulky);
        const { failed, payload } = await cloud.invoke('sealer', tickBatch(cloud.run, 'sealer'));
        assert.equal(failed, false, JSON.stringify(payload));
        await assertWalked(gateway.url, bulky, 'bulky', ids);
      } finally {
        await gateway.close();
      }
    });
  });

  describe('ticks', () => {
    it('that cannot be handled go back to the queue by their ids, and are taken when they come again', async () => {
      const jobs = ['note_job', 'begin_job'];
      for (const name of jobs) await cloud.sql(`ALTER ROUTINE app.${name} RENAME TO ${name}_away`);
      const batch = tickBatch(cloud.run, 'observer-bot');
      const { failed, payload } = await cloud.invoke('observer-bot', batch);
      for (const name of jobs) await cloud.sql(`ALTER ROUTINE app.${name}_away RENAME TO ${name}`);
      assert.equal(failed, false, JSON.stringify(payload));
      assert.deepEqual(
        listOf(at(payload, 'batchItemFailures')).map((item) => at(item, 'itemIdentifier')),
        batch.Records.map(({ messageId }) => messageId),
      );
      const again = await cloud.invoke('observer-bot', batch);
      assert.deepEqual(again.payload, { batchItemFailures: [] });
    });
  });

  describe('midnight in Paris', () => {
    it('decides what is due, once, however often the event comes', async () => {
      const due = await call('POST', '/api/spans', {
        body: {
          entity_type: 'deliverable',
          who: 'ada',
          this: 'report',
          status: 'active',
          metadata: { deadline: '2026-11-20T12:00:00.000Z', accepted: true },
        },
      });
      assert.equal(due.status, 201, JSON.stringify(due.body));
      const event = scheduleInput(cloud.run, 'midnight-ruler', new Date().toISOString());
      for (const attempt of [1, 2]) {
        const { failed, payload } = await cloud.invoke('run-code', event);
        assert.equal(failed, false, `attempt ${attempt}: ${JSON.stringify(payload)}`);
      }
      const decisions = await timeline('entity_type=law.decision');
      assert.equal(decisions.length, 1, JSON.stringify(decisions));
      assert.deepEqual(listOf(decisions[0]?.related_to), [at(due.body, 'span.id')]);
    });

    it('is a function that the manifest allows', async () => {
      const { body } = await call('GET', '/api/manifest/kernel_manifest');
      const allowed = listOf(at(body, 'manifest.metadata.allowed_boot_ids'));
      assert.ok(allowed.includes(MIDNIGHT_RULER) && allowed.includes(RUN_CODE), JSON.stringify(allowed));
    });
  });

  describe('a frozen instance', () => {
    it('answers its first call after a thaw, though its sessions are gone', async () => {
      const statuses: number[] = [];
      for (let round = 0; round < 12; round += 1) {
        assert.equal((await call('GET', '/api/timeline')).status, 200);
        const instance = await cloud.instance('stage0');
        instance.freeze();
        const frozenAtMs = Date.now();
        await cloud.sql(
          `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'logline_app'`,
        );
        await until('it was frozen for a while', () => Date.now() - frozenAtMs > 200);
        const answered = call('GET', '/api/timeline');
        instance.thaw();
        statuses.push((await answered).status);
      }
      assert.deepEqual(
        statuses.filter((status) => status !== 200),
        [],
      );
    });
  });

  describe('a change of the database password', () => {
    it('goes unnoticed: cold and warm functions get in before and after PostgreSQL knows it', async () => {
      await cloud.cool('observer-bot');
      const secret = secretNamed(cloud.secrets, 'app');
      secret.AWSPREVIOUS = secret.AWSCURRENT ?? '';
      secret.AWSCURRENT = JSON.stringify({ username: 'logline_app', password: 'another-password' });

      const cold = await cloud.invoke('observer-bot', tickBatch(cloud.run, 'observer-bot'));
      assert.deepEqual(cold.payload, { batchItemFailures: [] });

      const migrated = await cloud.invoke('migrator', { trigger: 'deployment' });
      assert.equal(migrated.failed, false, JSON.stringify(migrated.payload));
      await reconnected('with both versions of the secret at hand');
      delete secret.AWSPREVIOUS;
      await reconnected('with the new version alone');
    });
  });

  describe('a rotation of all passwords', () => {
    it('is done by the migrator inside AWS, and every function gets in with the new ones alone', async () => {
      const before = secretMember(cloud.secrets, 'guest', 'password');
      const { failed, payload } = await cloud.invoke('migrator', {
        trigger: 'operator',
        change: 'rotate_passwords',
      });
      assert.equal(failed, false, JSON.stringify(payload));
      assert.notEqual(secretMember(cloud.secrets, 'guest', 'password'), before);
      for (const name of ['app', 'kernel', 'guest']) delete secretNamed(cloud.secrets, name).AWSPREVIOUS;
      await reconnected('with the new password alone');
      await cloud.cool('stage0');
      assert.equal((await call('GET', '/api/health')).status, 200);
    });
  });

  describe('a rotation by schedule', () => {
    const look = (days: Record<string, number>) =>
      cloud.invoke('migrator', { ...scheduleInput(cloud.run, 'rotation', ''), ...days });
    const password = (name: string) => secretMember(cloud.secrets, name, 'password');
    const daysOld = (days: number) => new Date(Date.now() - days * 86_400_000);
    const seed = () => secretMember(cloud.secrets, 'signing-key', 'seed_hex');

    it('makes new the passwords that are older than it says, and no others', async () => {
      secretNamed(cloud.secrets, 'app').createdAt = daysOld(31);
      secretNamed(cloud.secrets, 'guest').createdAt = daysOld(29);
      secretNamed(cloud.secrets, 'signing-key').createdAt = daysOld(5_000);
      const before = [password('app'), password('guest'), seed()];
      const { failed, payload } = await look({});
      assert.equal(failed, false, JSON.stringify(payload));
      assert.notEqual(password('app'), before[0]);
      assert.deepEqual([password('guest'), seed()], before.slice(1));
      await cloud.cool('stage0');
      await timeline('limit=1');
    });

    it('announces and promotes a key that is too old, and finishes what was begun', async () => {
      const before = seed();
      // Announced long ago, so that this test need not wait for the functions to read it.
      assert.equal(
        (await cloud.invoke('migrator', { trigger: 'operator', change: 'announce_key' })).failed,
        false,
      );
      const secret = secretNamed(cloud.secrets, 'signing-key');
      const announced = JSON.parse(secret.AWSCURRENT ?? '{}');
      secret.AWSCURRENT = JSON.stringify({ ...announced, next_since: '2026-01-01T00:00:00.000Z' });
      const { failed, payload } = await look({ keys_days: 90 });
      assert.equal(failed, false, JSON.stringify(payload));
      assert.equal(seed(), announced.next_seed_hex);
      assert.equal(secretMember(cloud.secrets, 'signing-key', 'previous_seeds_hex'), before);
      assert.equal((await look({ keys_days: 90 })).failed, false);
      assert.equal(seed(), announced.next_seed_hex, 'a key of today stays');
    });
  });

  describe('a rotation of the instance key', () => {
    const change = (event: Record<string, unknown>) =>
      cloud.invoke('migrator', { trigger: 'operator', ...event });
    const secret = () => JSON.parse(secretNamed(cloud.secrets, 'signing-key').AWSCURRENT ?? '{}');

    it('announces the next key, which signs only when every warm function has read it', async () => {
      const before = secret();
      const announced = await change({ change: 'announce_key' });
      assert.equal(announced.failed, false, JSON.stringify(announced.payload));
      assert.match(String(listOf(at(announced.payload, 'keys'))), /introduced instance key/);
      assert.ok(Number(at(announced.payload, 'promote_in_seconds')) > 300);
      const tooSoon = await change({ change: 'promote_key' });
      assert.equal(tooSoon.failed, true);
      assert.match(String(at(tooSoon.payload, 'errorMessage')), /try again in \d+ s/);
      secretNamed(cloud.secrets, 'signing-key').AWSCURRENT = JSON.stringify({
        ...secret(),
        next_since: '2026-01-01T00:00:00.000Z',
      });
      const promoted = await change({ change: 'promote_key' });
      assert.equal(promoted.failed, false, JSON.stringify(promoted.payload));
      assert.notEqual(at(promoted.payload, 'public_key'), signingKeyFromHex(before.seed_hex).publicKeyHex);
      assert.equal(secret().previous_seeds_hex.split(',')[0], before.seed_hex);
    });

    it('revokes a key that no longer signs, and refuses it for the one that does', async () => {
      const signing = signingKeyFromHex(secret().seed_hex).publicKeyHex;
      const refused = await change({ change: 'revoke_key', public_key: signing });
      assert.match(String(at(refused.payload, 'errorMessage')), /signs now; rotate/);
      // The one that signed the token of these tests.
      const first = secret().previous_seeds_hex.split(',').at(-1);
      const old = signingKeyFromHex(first).publicKeyHex;
      const revoked = await change({ change: 'revoke_key', public_key: old });
      assert.equal(revoked.failed, false, JSON.stringify(revoked.payload));
      assert.match(String(listOf(at(revoked.payload, 'keys'))), /revoked instance key/);
      await cloud.cool('stage0');
      assert.equal((await call('GET', '/api/timeline')).status, 401);
    });
  });

  describe('rights', () => {
    it('were enough for all of the above, and no function asked for more', () => {
      assert.deepEqual(cloud.aws.denied, []);
    });

    it('kept the master password to the migrator', () => {
      const readers = [...cloud.aws.read].filter((line) => line.endsWith(':secret:master'));
      assert.deepEqual(
        readers.map((line) => line.split(' ')[0]),
        ['logline-dev-migrator'],
      );
    });
  });
});

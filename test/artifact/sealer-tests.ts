import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { ed25519, signingKeyFromHex } from '../../runtime/crypto';
import { verifierKeyOf } from '../../runtime/proofs/checkpoint-keys';
import { openCheckpoint, witnessesOf } from '../../runtime/proofs/span-proof';
import { at, listOf, recordOf } from '../infra/subject';
import { appendLargeSpans, assertWalked } from '../support/large-spans';
import { TestWitness } from '../support/test-witness';
import { secretMember } from './cloud';
import type { DeployedStack } from './deployed-stack';
import { httpEvent, tickBatch } from './events';
import { startGateway } from './gateway';

/** The sealer, what it makes provable, and its guard against a database that went back. */
export function sealerTests(stack: DeployedStack): void {
  describe('the sealer', () => {
    const tick = () => stack.cloud.invoke('sealer', tickBatch(stack.cloud.run, 'sealer'));
    const feed = (rest = '') => stack.call('GET', '/api/timeline', { query: `order=feed&limit=1000${rest}` });
    const checkpoint = async (): Promise<string> => {
      const event = httpEvent('GET', '/api/log/acme/checkpoint', { token: stack.token });
      return String(at((await stack.cloud.invoke('stage0', event)).payload, 'body'));
    };
    const guardName = () =>
      [...stack.cloud.aws.s3.objects.keys()].find((key) => key.endsWith('/guard/record.json')) ?? '';
    let id: string;
    let cursor: unknown;

    it('seals and audits what was written, keeps a checkpoint of the day, and sends no tick back', async () => {
      const { body } = await stack.call('POST', '/api/spans', {
        body: { entity_type: 'note', who: 'ada', this: 'to be sealed', visibility: 'tenant' },
      });
      id = String(at(body, 'span.id'));
      assert.equal((await stack.call('GET', `/api/spans/${id}/proof`)).status, 202);
      const { failed, payload } = await tick();
      assert.equal(failed, false, JSON.stringify(payload));
      const report = recordOf(payload);
      assert.deepEqual([report.outcome, report.batchItemFailures], ['sealed', []]);
      assert.ok(Number(report.kept) >= 1);
      const [count] = await stack.cloud.sql('SELECT count(*)::int AS n FROM ledger.universal_registry');
      // The checkpoints are spans themselves, sealed by the next tick.
      assert.equal(Number(report.sealed) + Number(report.kept), count?.n);
      assert.equal(report.audited, report.sealed);
      const [kept] = [...stack.cloud.aws.s3.objects.keys()].filter((name) =>
        /\/checkpoints\/\d{4}-\d\d-\d\d\/acme\.checkpoint$/.test(name),
      );
      assert.match(
        stack.cloud.aws.s3.objects.get(kept ?? '')?.at(-1)?.text ?? '',
        /^logline-[0-9a-f]{16}\/acme\n/,
      );
    });

    it('takes no message that is not one of its ticks', async () => {
      const { failed, payload } = await stack.cloud.invoke(
        'sealer',
        tickBatch(stack.cloud.run, 'observer-bot'),
      );
      assert.equal(failed, true);
      assert.match(
        String(at(payload, 'errorMessage')),
        /sealer takes its own ticks alone, no event of observer_bot/,
      );
      assert.equal((await stack.cloud.invoke('sealer', {})).failed, true);
    });

    it('goes on where it stopped, and keeps one checkpoint a day', async () => {
      const { payload } = await tick();
      assert.equal(at(payload, 'kept'), 0);
      await stack.cloud.cool('sealer');
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
      const proof = await stack.cloud.invoke(
        'stage0',
        httpEvent('GET', `/api/spans/${id}/proof`, { token: stack.token }),
      );
      assert.equal(at(proof.payload, 'isBase64Encoded'), false);
      assert.match(String(at(proof.payload, 'body')), /^c2sp\.org\/tlog-proof@v1\n/);
      const size = Number(String(at(proof.payload, 'body')).split('\n\n')[1]?.split('\n')[1]);
      const tile = await stack.cloud.invoke(
        'stage0',
        httpEvent('GET', `/api/log/acme/tile/0/000.p/${size}`, { token: stack.token }),
      );
      assert.equal(at(tile.payload, 'statusCode'), 200, JSON.stringify(tile.payload));
      assert.equal(at(tile.payload, 'isBase64Encoded'), true);
      const bytes = Buffer.from(String(at(tile.payload, 'body')), 'base64');
      assert.equal(bytes.length, 32 * size);
      const [stored] = await stack.cloud.sql(
        `SELECT encode(e.curr_hash, 'hex') AS curr_hash FROM ledger.log_entry e JOIN ledger.log l USING (log_no)
          WHERE l.tenant_id = 'acme' AND e.id = $1`,
        [id],
      );
      const leaf = JSON.stringify({ curr_hash: stored?.curr_hash, id, seq: 0 });
      const hash = createHash('sha256').update('\0').update(leaf).digest();
      assert.ok(bytes.includes(hash), 'the tile holds the hash of the leaf');
    });

    it('asks witnesses for cosignatures once a minute, and seals whatever becomes of that', async () => {
      const [origin = ''] = (await checkpoint()).split('\n');
      const { publicKeyHex } = signingKeyFromHex(
        secretMember(stack.cloud.secrets, 'checkpoint-key', 'seed_hex'),
      );
      const logKey = verifierKeyOf(publicKeyHex, origin);
      const witness = await TestWitness.start([logKey]);
      const round = async (): Promise<unknown> => {
        await stack.call('POST', '/api/spans', {
          body: { entity_type: 'note', who: 'ada', this: 'witnessed' },
        });
        const { payload } = await tick();
        assert.equal(at(payload, 'outcome'), 'sealed');
        return at(payload, 'cosigned');
      };
      const aMinuteLater = () => stack.cloud.sql("UPDATE app.seal_cursor SET pushed_at = '-infinity'");
      try {
        stack.cloud.environment.LOGLINE_WITNESSES = witness.line;
        stack.cloud.environment.LOGLINE_WITNESSED_TENANTS = 'acme';
        await stack.cloud.cool('sealer');
        assert.equal(await round(), 1);
        const opened = await openCheckpoint(await checkpoint(), [logKey, witness.key], ed25519);
        assert.deepEqual(
          witnessesOf(opened).map(({ key }) => key.name),
          [witness.key.name],
        );
        // Another instance of the sealer, within the same minute.
        await stack.cloud.cool('sealer');
        assert.equal(await round(), 0);
        // PostgreSQL's clock was set back.
        await stack.cloud.sql("UPDATE app.seal_cursor SET pushed_at = now() + interval '40 days'");
        witness.isUnwell = true;
        assert.equal(await round(), 0);
        await aMinuteLater();
        witness.isUnwell = false;
        // This instance does not know what the witness has cosigned, and is told by a 409.
        assert.equal(await round(), 1);
        assert.deepEqual(witness.answers, [200, 500, 409, 200]);
      } finally {
        for (const name of ['LOGLINE_WITNESSES', 'LOGLINE_WITNESSED_TENANTS'])
          delete stack.cloud.environment[name];
        await stack.cloud.cool('sealer');
        await witness.close();
      }
    });

    it('signs nothing for a database that is older than what the guard knows, and feed and ticks stand still', async () => {
      await tick();
      ({ next_cursor: cursor } = (await feed()).body);
      const record = JSON.parse(stack.cloud.aws.s3.text('guard/record.json') ?? '');
      stack.cloud.aws.s3.put(guardName(), JSON.stringify({ ...record, batch: record.batch + 5 }));
      await stack.call('POST', '/api/spans', {
        body: { entity_type: 'note', who: 'ada', this: 'after a restore' },
      });
      assert.equal(at((await tick()).payload, 'outcome'), 'restore_needed');
      const { body } = await stack.call('GET', '/api/health');
      assert.deepEqual(listOf(body.codes).includes('restore_needed'), true, JSON.stringify(body));
      const end = await feed('&from=end');
      assert.deepEqual([end.status, end.body.type], [503, 'urn:logline:problem:restore_needed']);
      const batch = tickBatch(stack.cloud.run, 'observer-bot');
      const { payload } = await stack.cloud.invoke('observer-bot', batch);
      assert.equal(listOf(at(payload, 'batchItemFailures')).length, batch.Records.length);
    });

    it('goes on once the migrator was told of the restore: the feed in a new epoch, logs under another name', async () => {
      const { failed, payload } = await stack.cloud.invoke('migrator', {
        trigger: 'operator',
        change: 'restore',
      });
      assert.equal(failed, false, JSON.stringify(payload));
      assert.deepEqual(at(payload, 'restored.ids_left'), 0);
      assert.deepEqual(at(payload, 'restored.lost.batches'), 5);
      assert.ok(Number(at(payload, 'restored.renamed_logs')) >= 1);
      const epochs = await stack.cloud.sql('SELECT epoch, log_name FROM app.feed_epoch ORDER BY number');
      assert.equal(
        JSON.parse(stack.cloud.aws.s3.text('guard/record.json') ?? '').epoch,
        epochs.at(-1)?.epoch,
      );
      const [named] = await stack.cloud.sql('SELECT origin FROM app.log_instance');
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
      assert.match(await checkpoint(), new RegExp(`^${name}/acme\n`));
      assert.deepEqual(
        (await stack.cloud.invoke('observer-bot', tickBatch(stack.cloud.run, 'observer-bot'))).payload,
        {
          batchItemFailures: [],
        },
      );
    });

    it('lets nobody append while stored transaction ids lie in the future, and moves the counter past them', async () => {
      const later = 'tx_id = (tx_id::text::bigint + 5000)::text::xid8';
      await stack.cloud.sql('ALTER TABLE ledger.universal_registry DISABLE TRIGGER append_only');
      for (const table of [
        'ledger.universal_registry',
        'app.seal_cursor',
        'app.audit_cursor',
        'app.policy_cursor',
      ])
        await stack.cloud.sql(`UPDATE ${table} SET ${later}`);
      await stack.cloud.sql('ALTER TABLE ledger.universal_registry ENABLE ALWAYS TRIGGER append_only');
      await stack.cloud.cool('stage0');
      const append = () =>
        stack.call('POST', '/api/spans', {
          body: { entity_type: 'note', who: 'ada', this: 'of a later life' },
        });
      const { status, body } = await append();
      assert.deepEqual([status, body.type], [503, 'urn:logline:problem:restore_needed']);
      // A deployment meanwhile appends no seeds, which every cursor would miss.
      const deployed = await stack.cloud.invoke('migrator', { trigger: 'deployment' });
      assert.deepEqual([at(deployed.payload, 'seeds'), at(deployed.payload, 'keys')], [[], []]);

      // A restore that stops after the move of the counter keeps that state.
      const restore = () => stack.cloud.invoke('migrator', { trigger: 'operator', change: 'restore' });
      await stack.cloud.sql('ALTER FUNCTION app.begin_feed_epoch RENAME TO begin_feed_epoch_away');
      assert.equal((await restore()).failed, true);
      await stack.cloud.sql('ALTER FUNCTION app.begin_feed_epoch_away RENAME TO begin_feed_epoch');
      await stack.cloud.cool('stage0');
      assert.equal((await append()).status, 503);

      const { failed, payload } = await restore();
      assert.equal(failed, false, JSON.stringify(payload));
      // Nothing that was signed is missing, so logs keep their names.
      assert.deepEqual(at(payload, 'restored'), {
        ids_left: 0,
        lost: { batches: 0, up_to_tx_id: at(payload, 'restored.lost.up_to_tx_id') },
        renamed_logs: 0,
      });
      await stack.cloud.cool('stage0');
      assert.equal((await append()).status, 201);
      const [row] = await stack.cloud.sql(
        `SELECT bool_and(r.tx_id > c.tx_id) AS is_behind FROM ledger.universal_registry r, app.seal_cursor c
          WHERE r.this = 'of a later life'`,
      );
      assert.equal(row?.is_behind, true);
      assert.equal(at((await tick()).payload, 'outcome'), 'sealed');
    });

    it('signs with a new key after a rotation inside AWS, and with the one before along with it', async () => {
      const before = secretMember(stack.cloud.secrets, 'checkpoint-key', 'seed_hex');
      const { failed, payload } = await stack.cloud.invoke('migrator', {
        trigger: 'operator',
        change: 'rotate_checkpoint_key',
      });
      assert.equal(failed, false);
      const after = secretMember(stack.cloud.secrets, 'checkpoint-key', 'seed_hex');
      assert.deepEqual(at(payload, 'checkpoint_keys'), {
        public_key: signingKeyFromHex(after).publicKeyHex,
        replaced_public_key: signingKeyFromHex(before).publicKeyHex,
      });
      await stack.cloud.cool('sealer');
      await stack.call('POST', '/api/spans', {
        body: { entity_type: 'note', who: 'ada', this: 'a new key' },
      });
      assert.equal(at((await tick()).payload, 'outcome'), 'sealed');
      assert.equal((await checkpoint()).match(/^\u2014 /gm)?.length, 2);
    });
  });

  describe('a ledger of spans of 1 MB', () => {
    it('is walked by export and verify, page by page, through API Gateway', async () => {
      const bulky = await stack.tokenFor('ada', 'bulky', ['spans:write', 'timeline:read']);
      const gateway = await startGateway(stack.cloud);
      try {
        const ids = await appendLargeSpans(gateway.url, bulky);
        const { failed, payload } = await stack.cloud.invoke('sealer', tickBatch(stack.cloud.run, 'sealer'));
        assert.equal(failed, false, JSON.stringify(payload));
        await assertWalked(gateway.url, bulky, 'bulky', ids);
      } finally {
        await gateway.close();
      }
    });
  });
}

import assert from 'node:assert/strict';
import { at, listOf } from '../infra/subject';
import { until } from '../support/until';
import type { DeployedStack } from './deployed-stack';
import { scheduleInput, tickBatch } from './events';

const MIDNIGHT_RULER = '00000000-0000-4000-8000-000000000006';
const RUN_CODE = '00000000-0000-4000-8000-000000000001';

/** Events that come again or late: ticks that fail, midnight, a thaw. */
export function eventTests(stack: DeployedStack): void {
  describe('ticks', () => {
    it('that cannot be handled go back to the queue by their ids, and are taken when they come again', async () => {
      const jobs = ['note_job', 'begin_job'];
      for (const name of jobs) await stack.cloud.sql(`ALTER ROUTINE app.${name} RENAME TO ${name}_away`);
      const batch = tickBatch(stack.cloud.run, 'observer-bot');
      const { failed, payload } = await stack.cloud.invoke('observer-bot', batch);
      for (const name of jobs) await stack.cloud.sql(`ALTER ROUTINE app.${name}_away RENAME TO ${name}`);
      assert.equal(failed, false, JSON.stringify(payload));
      assert.deepEqual(
        listOf(at(payload, 'batchItemFailures')).map((item) => at(item, 'itemIdentifier')),
        batch.Records.map(({ messageId }) => messageId),
      );
      const again = await stack.cloud.invoke('observer-bot', batch);
      assert.deepEqual(again.payload, { batchItemFailures: [] });
    });
  });

  describe('midnight in Paris', () => {
    it('decides what is due, once, however often the event comes', async () => {
      const due = await stack.call('POST', '/api/spans', {
        body: {
          entity_type: 'deliverable',
          who: 'ada',
          this: 'report',
          status: 'active',
          metadata: { deadline: '2026-11-20T12:00:00.000Z', accepted: true },
        },
      });
      assert.equal(due.status, 201, JSON.stringify(due.body));
      const event = scheduleInput(stack.cloud.run, 'midnight-ruler', new Date().toISOString());
      for (const attempt of [1, 2]) {
        const { failed, payload } = await stack.cloud.invoke('run-code', event);
        assert.equal(failed, false, `attempt ${attempt}: ${JSON.stringify(payload)}`);
      }
      const decisions = await stack.timeline('entity_type=law.decision');
      assert.equal(decisions.length, 1, JSON.stringify(decisions));
      assert.deepEqual(listOf(decisions[0]?.related_to), [at(due.body, 'span.id')]);
    });

    it('is a function that the manifest allows', async () => {
      const { body } = await stack.call('GET', '/api/manifest/kernel_manifest');
      const allowed = listOf(at(body, 'manifest.metadata.allowed_boot_ids'));
      assert.ok(allowed.includes(MIDNIGHT_RULER) && allowed.includes(RUN_CODE), JSON.stringify(allowed));
    });
  });

  describe('a frozen instance', () => {
    it('answers its first call after a thaw, though its sessions are gone', async () => {
      const statuses: number[] = [];
      for (let round = 0; round < 12; round += 1) {
        assert.equal((await stack.call('GET', '/api/timeline')).status, 200);
        const instance = await stack.cloud.instance('stage0');
        instance.freeze();
        const frozenAtMs = Date.now();
        await stack.cloud.sql(
          `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'logline_app'`,
        );
        await until('it was frozen for a while', () => Date.now() - frozenAtMs > 200);
        const answered = stack.call('GET', '/api/timeline');
        instance.thaw();
        statuses.push((await answered).status);
      }
      assert.deepEqual(
        statuses.filter((status) => status !== 200),
        [],
      );
    });
  });
}

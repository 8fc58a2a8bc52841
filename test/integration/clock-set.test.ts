import assert from 'node:assert/strict';
import { QuotaExceededError } from '../../runtime/base/errors';
import { Database } from '../../runtime/db/pool';
import { BootGuard } from '../../runtime/host/boot-guard';
import { KERNEL_IDS } from '../../runtime/kernels/stable-ids';
import { AppendLimits } from '../../runtime/ledger/append-limits';
import { FeedEpochs } from '../../runtime/ledger/feed-epoch';
import { KeyRing } from '../../runtime/ledger/keys/key-ring';
import { InstanceKeys } from '../../runtime/stage0/instance-keys';
import { FAR_AHEAD_MS, withClock, withClockAhead } from '../support/clock';
import { createTestKernels, type TestKernels } from '../support/test-kernels';
import { until } from '../support/until';

const ALICE = { user: 'alice', tenant: 'acme' };
const BOB = { user: 'bob', tenant: 'globex' };
const DAY_MS = 86_400_000;

describe('a process whose clock is set', () => {
  let kernels: TestKernels;
  let token: string;
  beforeEach(async () => {
    kernels = await createTestKernels();
    token = await kernels.token('alice', 'acme');
  });
  afterEach(() => kernels.close());

  const appendFunction = async (): Promise<string> => {
    const body = { entity_type: 'function', who: 'alice', this: 'f', code: 'function main() { return 1; }' };
    return (await kernels.call('/api/spans', { token, body })).body.span.id;
  };

  /** Jumps at every look, so that between any two looks the clock was set. */
  const jumping = (stepMs: number): ((realMs: number) => number) => {
    let looks = 0;
    return (realMs) => {
      looks += 1;
      return realMs + looks * stepMs;
    };
  };

  for (const [direction, stepMs] of [
    ['forward', FAR_AHEAD_MS],
    ['back', -FAR_AHEAD_MS],
  ] as const) {
    it(`${direction} while code runs records the run with the time that it took`, async () => {
      const id = await appendFunction();
      const answer = await withClock(jumping(stepMs), () =>
        kernels.call(`/api/execute/${id}`, { token, body: {} }),
      );
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      const { status, duration_ms: durationMs } = answer.body.execution;
      assert.equal(status, 'complete');
      assert.ok(durationMs >= 0 && durationMs < 60_000, `${durationMs} ms`);
    });

    it(`${direction} while the operator runs a kernel records that run with the time that it took`, async () => {
      const operator = await kernels.token('system', 'system');
      const answer = await withClock(jumping(stepMs), () =>
        kernels.call(`/api/execute/${KERNEL_IDS.observer_bot}`, { token: operator, body: {} }),
      );
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      const durationMs = answer.body.execution.duration_ms;
      assert.ok(durationMs >= 0 && durationMs < 60_000, `${durationMs} ms`);
    });

    it(`${direction} changes nothing about the time that a kernel has left`, async () => {
      const id = await appendFunction();
      const headers = { prefer: 'respond-async' };
      assert.equal((await kernels.call(`/api/execute/${id}`, { token, headers, body: {} })).status, 202);
      const work = (timeoutMs: number) =>
        withClock(jumping(stepMs), () => kernels.host.run('request_worker', {}, { timeoutMs }));
      // The worker claims nothing in its last eight seconds.
      assert.deepEqual(await work(7_000), { claimed: 0, complete: 0, failed: 0, retried: 0 });
      assert.deepEqual(await work(60_000), { claimed: 1, complete: 1, failed: 0, retried: 0 });
    });
  }

  it('back reads the manifest, the published keys and the epochs of the feed again', async () => {
    const guard = new BootGuard(kernels.pool, () => new KeyRing([kernels.key]));
    const epochs = new FeedEpochs(kernels.pool);
    let reads = 0;
    const keys = new InstanceKeys({
      database: kernels.pool,
      publicKeyHex: () => kernels.key.publicKeyHex,
      checkpoints: async () => {
        reads += 1;
        return { origin: undefined, earlierOrigins: [], keys: [] };
      },
    });
    const before = await withClockAhead(FAR_AHEAD_MS, async () => {
      await guard.manifest();
      await guard.kernel('run_code');
      await keys.published();
      return epochs.recall();
    });
    await kernels.changeManifest({ policy: { slow_ms: 4_321 }, allowed_boot_ids: [] });
    assert.equal((await guard.manifest()).slowMs, 4_321);
    await assert.rejects(guard.kernel('run_code'), /does not allow/);
    await keys.published();
    assert.equal(reads, 2);
    await kernels.look('SELECT app.begin_feed_epoch()');
    await until('the new epoch is noticed', async () => (await epochs.recall()).current !== before.current);
  });

  it('back uses no connection that was put back before', async () => {
    const database = new Database({ connectionString: kernels.database.appUrl, poolSize: 1 });
    const pid = async () => {
      const client = await database.connect();
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      client.release();
      return rows[0].pid;
    };
    const before = await withClockAhead(FAR_AHEAD_MS, pid);
    assert.notEqual(await pid(), before);
    await database.close();
  });

  describe('back while appends are limited', () => {
    let nowMs: number;
    const limitsNow = (): AppendLimits =>
      new AppendLimits({
        database: kernels.pool,
        trusted: () => new Set([kernels.key.publicKeyHex]),
        nowMs: () => nowMs,
      });
    beforeEach(() => {
      nowMs = Date.UTC(2026, 5, 1, 12);
    });

    it('lets a tenant append at its rate', async () => {
      await kernels.changeManifest({ throttle: { per_tenant_spans_per_second: 2 } });
      const limits = limitsNow();
      await limits.takeSpans(ALICE, 2);
      nowMs -= FAR_AHEAD_MS;
      await assert.rejects(limits.takeSpans(ALICE, 1), { retryAfterSeconds: 1 });
      nowMs += 500;
      await limits.takeSpans(ALICE, 1);
    });

    it('notices a changed limit', async () => {
      await kernels.changeManifest({ throttle: { per_tenant_spans_per_second: 1 } });
      const limits = limitsNow();
      await limits.takeSpans(ALICE, 1);
      await kernels.changeManifest({ throttle: {} });
      nowMs -= FAR_AHEAD_MS;
      await until('the limit is gone', () =>
        limits.takeSpans(ALICE, 1).then(
          () => true,
          () => false,
        ),
      );
    });

    const counted = (tenant: string, bytes: number) =>
      until(`${bytes} bytes of ${tenant} are counted`, async () => {
        const { rows } = await kernels.look('SELECT bytes FROM app.append_usage WHERE tenant_id = $1', [
          tenant,
        ]);
        return rows[0]?.bytes === String(bytes);
      });

    for (const [what, backMs] of [
      ['a day that is over', FAR_AHEAD_MS],
      ['the day before', DAY_MS],
    ] as const) {
      it(`counts the bytes of ${what}`, async () => {
        await kernels.changeManifest({ throttle: { per_tenant_bytes_per_day: 100 } });
        const limits = limitsNow();
        await limits.takeSpans(ALICE, 1);
        limits.takeBytes(ALICE, 90);
        await counted('acme', 90);
        nowMs -= backMs;
        await limits.takeSpans(ALICE, 1);
        limits.takeBytes(ALICE, 70);
        // Tenants are counted in the order in which they came.
        await limits.takeSpans(BOB, 1);
        limits.takeBytes(BOB, 10);
        await counted('globex', 10);
        assert.throws(() => limits.takeBytes(ALICE, 70), QuotaExceededError);
      });
    }
  });
});

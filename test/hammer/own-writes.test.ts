import assert from 'node:assert/strict';
import { openReader, type Reader } from '../../runtime/db/reader';
import { withClient } from '../support/sql-session';
import { type StandbyPair, startStandbyPair } from '../support/standby';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { until } from '../support/until';

/** Number of reads. In full, with figures: `LOGLINE_HAMMER_READS=10000 npm test -- test/hammer/own-writes.test.ts` */
const READS = Number(process.env.LOGLINE_HAMMER_READS ?? 50);
const LAG_S = 2;

describe('reading one’s own writes through a standby that lags by seconds', function () {
  this.timeout(3_600_000);
  let pair: StandbyPair;
  let reader: Reader;
  let stage0: TestStage0;
  before(async () => {
    pair = await startStandbyPair();
    reader = openReader({ connectionString: pair.standbyUrl });
    stage0 = await createTestStage0({ reader, reach: async () => ({ connectionString: pair.primaryUrl }) });
  });
  after(async () => {
    await reader?.close();
    await stage0?.close();
    await pair?.close();
  });

  const onStandby = (sql: string) =>
    withClient(pair.standby.superuserUrl('logline'), (client) => client.query(sql));
  const quantile = (values: readonly number[], share: number): number =>
    [...values].sort((one, other) => one - other)[Math.floor((values.length - 1) * share)] ?? 0;

  it('finds each of them', async () => {
    const token = await stage0.token('alice', 'acme');
    const post = async (number: number): Promise<{ id: string; position: string }> => {
      const { status, body, headers } = await stage0.call('/api/spans', {
        token,
        body: { entity_type: 'note', who: 'alice', this: `${number}` },
      });
      assert.equal(status, 201, JSON.stringify(body));
      return { id: body.span.id, position: headers.get('x-logline-position') ?? '' };
    };
    const timed = async (path: string, headers: Record<string, string> = {}) => {
      const fromMs = performance.now();
      const { status } = await stage0.call(path, { token, headers });
      return { status, tookMs: performance.now() - fromMs };
    };
    const { id: known } = await post(-1);
    await until('the standby has it', async () => (await timed(`/api/spans/${known}`)).status === 200);
    const plain: number[] = [];
    for (let number = 0; number < READS; number += 1) plain.push((await timed(`/api/spans/${known}`)).tookMs);

    await onStandby(`ALTER SYSTEM SET recovery_min_apply_delay = '${LAG_S}s'`);
    await onStandby('SELECT pg_reload_conf()');
    await until('the standby lags', async () => {
      const { id } = await post(-2);
      return (await timed(`/api/spans/${id}`)).status === 404;
    });
    const own: number[] = [];
    let stale = 0;
    for (let number = 0; number < READS; number += 1) {
      const { id, position } = await post(number);
      const { status, tookMs } = await timed(`/api/spans/${id}`, { 'x-logline-at-least': position });
      if (status !== 200) stale += 1;
      own.push(tookMs);
    }
    assert.equal(stale, 0);
    const { id } = await post(-3);
    assert.equal((await timed(`/api/spans/${id}`)).status, 404, 'the standby lags no more');
    if (process.env.LOGLINE_HAMMER_READS === undefined) return;
    const figures = (values: readonly number[]) => ({
      p50_ms: quantile(values, 0.5),
      p99_ms: quantile(values, 0.99),
      max_ms: quantile(values, 1),
    });
    process.stdout.write(
      `${JSON.stringify({ reads: READS, stale, plain: figures(plain), own: figures(own) })}\n`,
    );
  });
});
